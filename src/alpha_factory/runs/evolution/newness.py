"""What a cycle does with the agents of the run's past: they rank its candidates, try its worlds, and are joined.

The arithmetic is `curriculum`'s; here is when it happens, and the record that it leaves.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from alpha_factory.records import WorldTrial
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evolution.programs import Programs, Proposal
from alpha_factory.runs.settings.config import PATA_EC
from alpha_factory.runs.state import Counters, RunState

UNTOLD = -1.0
"""How new a candidate is of which that can't be told: less than any other, since both measures are 0 or more."""


def rank_proposal(
    programs: Programs, state: RunState, proposal: Proposal, counters: Counters
) -> tuple[Proposal, int]:
    """The candidates as the setting `curriculum.novelty` ranks them, and the env steps that it took.

    UNTOLD is the rank of those whose number is not finite.

    By PATA-EC, all agents of the roster play all candidates. While there is one agent, as in the first
    cycle, every candidate is as new as the others, and they rank as they were proposed.
    """
    config, seed = programs.config.curriculum, programs.config.seed
    taken = 0
    if config.novelty == PATA_EC:
        key = derive_key(seed, "challenge", counters.cycle)
        solved, steps = programs.contest.challenge(
            state.roster.model, proposal.candidates.level, key=key
        )
        qd = programs.contest.compare(solved, state.frontier, state.roster)
        proposal, taken = proposal._replace(solved=solved, qd=qd), int(steps)
    return proposal._replace(qd=jnp.where(jnp.isfinite(proposal.qd), proposal.qd, UNTOLD)), taken


def try_newcomers(
    programs: Programs,
    state: RunState,
    proposal: Proposal,
    score: Float[np.ndarray, " candidates"],
    is_accepted: Bool[np.ndarray, " candidates"],
    counters: Counters,
) -> list[WorldTrial]:
    """How the agents of the roster play the worlds just accepted; nothing depends on it, so its steps don't count.

    Args:
        state: at the time when they were proposed.
        score: how often the generalist solved each candidate.
    """
    rows = np.flatnonzero(is_accepted)
    if not rows.size:
        return []
    config, seed = programs.config.curriculum, programs.config.seed
    if proposal.solved is None:
        # As many rows as can be accepted at most, so that one program does for every cycle.
        chosen = jnp.asarray(np.resize(rows, config.accepted))
        levels = jax.tree.map(lambda leaf: leaf[chosen], proposal.candidates.level)
        key = derive_key(seed, "challenge", counters.cycle)
        played, _ = programs.contest.challenge(state.roster.model, levels, key=key)
        solved = np.asarray(played)[: rows.size]
    else:
        solved = np.asarray(proposal.solved)[rows]
    is_agent = np.asarray(state.roster.is_agent)
    best = np.maximum(solved[:, is_agent].max(axis=1), score[rows])
    return [
        WorldTrial(
            world=counters.worlds + int(row),
            cycle=counters.cycle,
            agents=1 + int(is_agent.sum()),
            best=float(one),
        )
        for row, one in zip(rows, best, strict=True)
    ]


def enrol_agents(
    programs: Programs, state: RunState, models: tuple[eqx.Module, ...], counters: Counters
) -> tuple[RunState, int]:
    """Offer agents to the roster. Those that join play the worlds that novelty is measured against.

    The first agent does so when the second comes: before, there is nobody to compare it with.

    Returns:
        The state with both, and the env steps that they played.
    """
    key, played = derive_key(programs.config.seed, "enrol", counters.cycle), 0
    for turn, model in enumerate(models):
        key_place, key_play, key_first = jax.random.split(jax.random.fold_in(key, turn), 3)
        before = state.roster
        roster, place = programs.contest.enrol(before, model, key=key_place)
        frontier = state.frontier
        if frontier.solved is not None:
            if int(before.seen) == 1:
                frontier, steps = programs.contest.revisit(
                    roster, frontier, jnp.int32(0), key=key_first
                )
                played += int(steps)
            if int(place) < programs.config.curriculum.agents:
                frontier, steps = programs.contest.revisit(roster, frontier, place, key=key_play)
                played += int(steps)
        state = eqx.tree_at(lambda tree: (tree.roster, tree.frontier), state, (roster, frontier))
    return state, played

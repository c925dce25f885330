"""A cycle of the curriculum: judge new worlds, let some live, train a specialist, merge it.

The arithmetic is `curriculum`'s and runs on the device; here are the decisions that need all of it
at once, and the records that they leave.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.curriculum import NEVER_PLAYED, Pool
from alpha_factory.genome import to_hex
from alpha_factory.records import Retirement, Transfer, WorldCard, WorldScore
from alpha_factory.rollout import no_episodes
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.evolution.executor.jobs import Executor
from alpha_factory.runs.evolution.guests import Guest, seat
from alpha_factory.runs.evolution.honeypots import check_honeypot, lay_honeypots
from alpha_factory.runs.evolution.judgement import Judgement, judge
from alpha_factory.runs.evolution.newness import UNTOLD, enrol_agents, rank_proposal, try_newcomers
from alpha_factory.runs.evolution.programs import Programs, Proposal
from alpha_factory.runs.evolution.specialists import CheckSpecialist, specialise
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.settings.config import FIXED, CurriculumConfig
from alpha_factory.runs.state import Counters, RunState


def evolve(
    programs: Programs,
    state: RunState,
    counters: Counters,
    operators: tuple[str, ...],
    archive: Archive,
    check_specialist: CheckSpecialist,
    executor: Executor,
    guests: Sequence[Guest] = (),
) -> tuple[RunState, Counters]:
    """Run one cycle and archive it in one transaction.

    Args:
        executor: plays the candidates and trains specialists.
        check_specialist: raises if a specialist's updates could not be made; nothing is merged or archived then.
        guests: worlds that people put forward; they are the last candidates.
    """
    config, seed = programs.config.curriculum, programs.config.seed
    state, scores = _score_pool(state, counters)
    state, check, played = check_honeypot(executor, programs.config, state, counters)

    proposal = programs.propose(
        state.pool,
        state.embedding.net,
        state.frontier,
        seat(guests, jax.tree.map(lambda leaf: leaf[0], state.pool.level), programs.guests),
        key=derive_key(seed, "propose", counters.cycle),
    )
    proposal, ranking = rank_proposal(programs, state, proposal, counters)
    judgement = judge(programs.config, executor, state, proposal, counters)
    played += ranking + judgement.steps
    pool_before = state.pool
    is_accepted = judgement.slot < config.slots
    proposal, is_honeypot, counters = lay_honeypots(config, proposal, is_accepted, counters)
    numbers = np.arange(counters.worlds, counters.worlds + len(is_accepted))
    trials = try_newcomers(programs, state, proposal, judgement.score, is_accepted, counters)
    pool, frontier, embedding = programs.accept(
        state.pool,
        state.frontier,
        state.embedding,
        proposal,
        slot=jnp.asarray(judgement.slot, jnp.int32),
        world=jnp.asarray(numbers, jnp.int32),
        cycle=jnp.int32(counters.cycle),
        key=derive_key(seed, "embed", counters.cycle),
    )
    taken = judgement.slot[is_accepted & (judgement.slot < int(pool_before.size))]
    student = state.student
    if taken.size:
        student = programs.retire(
            student,
            jnp.isin(jnp.arange(config.slots), jnp.asarray(taken, jnp.int32)),
            key=derive_key(seed, "keep", counters.cycle),
        )
    state = RunState(student, pool, frontier, no_episodes(config.slots), embedding, state.roster)
    cards = _write_cards(pool_before, proposal, judgement, counters, operators, guests)
    retirements = [_retire(config, pool_before, int(slot), counters.cycle) for slot in taken]

    transfers: list[Transfer] = []
    is_turn = counters.cycle % config.specialist_cycles == 0 and config.growth != FIXED
    is_open = is_accepted & ~is_honeypot  # a specialist could learn nothing but the bait
    if is_turn and is_open.any():
        ranked = np.argsort(np.where(is_open, -np.asarray(proposal.qd), np.inf), kind="stable")
        best = ranked[: min(config.specialists, int(is_open.sum()))]
        generalist = state.student.learner.model
        came = specialise(
            executor,
            programs.config,
            state,
            [int(judgement.slot[one]) for one in best],
            counters,
            check_specialist,
        )
        state, joining = enrol_agents(programs, came.state, (generalist, *came.models), counters)
        played += joining
        transfers = came.transfers
        for one, share in zip(best, came.scores, strict=True):
            cards[one] = cards[one].model_copy(update={"specialist_score": share})
        counters = counters.add(**came.effort)

    archive.record(
        worlds=cards,
        scores=scores,
        trials=trials,
        honeypots=[check] if check else [],
        transfers=transfers,
        retirements=retirements,
    )
    accepted = int(is_accepted.sum())
    return state, counters.add(
        cycle=1,
        frames=played,
        worlds=len(cards),
        accepted=accepted,
        rejected=len(cards) - accepted,
        incidents=int(check is not None and check.is_incident),
    )


def _score_pool(state: RunState, counters: Counters) -> tuple[RunState, list[WorldScore]]:
    """Give every living world that was played the share of its training episodes solved."""
    size = int(state.pool.size)
    ended, solved, total, world, score = (
        np.array(leaf)
        for leaf in (
            state.tally.ended,
            state.tally.solved,
            state.tally.total,
            state.pool.world,
            state.pool.score,
        )
    )
    rows = []
    for slot in np.flatnonzero(ended[:size]):
        score[slot] = solved[slot] / ended[slot]
        rows.append(
            WorldScore(
                world=int(world[slot]),
                cycle=counters.cycle,
                frames=counters.frames,
                normalised_return=float(np.clip(total[slot] / ended[slot], 0.0, 1.0)),
                solve_rate=float(score[slot]),
                episodes=int(ended[slot]),
            )
        )
    return eqx.tree_at(lambda tree: tree.pool.score, state, jnp.asarray(score)), rows


def _retire(config: CurriculumConfig, pool: Pool, slot: int, cycle: int) -> Retirement:
    score = float(pool.score[slot])
    is_mastered = score >= config.highest and config.growth != FIXED
    reason = "mastered" if is_mastered else "old"
    told = "never played" if score == NEVER_PLAYED else f"solve rate {score:.2f}"
    return Retirement(world=int(pool.world[slot]), cycle=cycle, reason=f"{reason}: {told}")


def _write_cards(
    pool: Pool,
    proposal: Proposal,
    judgement: Judgement,
    counters: Counters,
    operators: tuple[str, ...],
    guests: Sequence[Guest],
) -> list[WorldCard]:
    candidates = proposal.candidates
    genome, parent, operator, plan, qd, world = (
        np.asarray(leaf)
        for leaf in (
            candidates.genome,
            candidates.parent,
            candidates.operator,
            candidates.plan,
            proposal.qd,
            pool.world,
        )
    )
    cards = [
        WorldCard(
            id=counters.worlds + index,
            genome=to_hex(genome[index]),
            parents=[int(world[parent[index]])],
            operator=" + ".join(operators[one] for one in operator[index] if one >= 0),
            cycle=counters.cycle,
            frames=counters.frames,
            verdict=judgement.verdict[index],
            score=float(judgement.score[index]),
            qd=None if qd[index] == UNTOLD else float(qd[index]),
            shortest_path=int(plan[index]) if plan[index] >= 0 else None,
        )
        for index in range(len(genome))
    ]
    first = len(cards) - len(guests)
    for place, guest in enumerate(guests, start=first):
        own: dict[str, Any] = {"parents": [], "operator": "person"}
        if guest.act.level is not None:
            own |= {"genome": None, "level": guest.act.level}
        cards[place] = cards[place].model_copy(update=own)
    return cards

"""The agents of a run's past: which worlds they play, and what that decides."""

import copy
import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.types import Plan
from alpha_factory.rollout import as_player
from alpha_factory.runs.evolution import contest
from alpha_factory.runs.evolution.newness import enrol_agents, rank_proposal, try_newcomers
from alpha_factory.runs.evolution.programs import Programs, Proposal
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.state import Counters
from alpha_factory.worlds import GridLevel, from_text, make_grid
from runs import tiny

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

BY_AGENTS = dataclasses.replace(
    tiny.TINY,
    curriculum=dataclasses.replace(
        tiny.TINY.curriculum, novelty="pata-ec", agents=3, remembered=8, nearest=2
    ),
)


class Walker(eqx.Module):
    """A model that always takes the same action."""

    action: jax.Array


def test_each_agent_plays_each_world_with_its_own_model():
    """One agent walks on, which reaches the goal of one of the worlds; the other turns on the spot."""

    def act(model, obs, *, key):
        action = jnp.broadcast_to(model.action, obs.shape[:1])
        return Plan(action, jnp.ones((obs.shape[0], 1)), jnp.zeros(obs.shape[0]))

    levels = jax.tree.map(lambda *leaves: jnp.stack(leaves), from_text(">..G"), from_text(">#.G"))
    models = Walker(jnp.array([2, 0], jnp.int32))
    solved, steps = contest.play_all(
        *(make_grid(), as_player(act), models, levels), episodes=3, key=jax.random.key(0)
    )
    assert solved.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert int(steps) == 3 * (3 + 3 * int(levels.step_limit[0]))  # one of the four gets there


class Told(contest.Contest):
    """The real contest, but for how agents play worlds."""

    def __init__(self, real: contest.Contest, solved: np.ndarray) -> None:
        vars(self).update(vars(real))
        self.asked: list[GridLevel] = []
        self._solved = solved

    def challenge(self, models, levels, *, key):
        self.asked.append(jax.device_get(levels))
        return jnp.asarray(self._solved[: levels.tile.shape[0]]), jnp.int32(77)


def tell(programs: Programs, solved: np.ndarray) -> tuple[Programs, Told]:
    """Programs whose agents play as told, and what they were asked."""
    told = copy.copy(programs)
    told.contest = Told(programs.contest, solved)
    return told, told.contest


@pytest.fixture(scope="module")
def begun():
    programs = tiny.make_programs(tiny.TINY)
    state = programs.begin()
    key = jax.random.key(3)
    return (
        programs,
        state,
        programs.propose(state.pool, state.embedding.net, state.frontier, key=key),
    )


def test_newcomers_are_tried_by_all_agents_there_are_and_the_best_is_kept(begun):
    programs, state, proposal = begun
    agents = tiny.TINY.curriculum.agents
    solved = np.zeros((tiny.TINY.curriculum.accepted, agents), np.float32)
    solved[0], solved[1] = [0.5, 1.0, 0.0, 1.0], [0.25, 0.0, 1.0, 0.0]
    state = eqx.tree_at(lambda tree: tree.roster.seen, state, jnp.int32(2))  # two are padding
    programs, told = tell(programs, solved)
    score = np.linspace(0.0, 0.7, proposal.qd.size)
    is_accepted = np.isin(np.arange(score.size), [1, 6])
    trials = try_newcomers(
        programs, state, proposal, score, is_accepted, Counters(cycle=4, worlds=100)
    )
    assert [(one.world, one.cycle, one.agents) for one in trials] == [(101, 4, 3), (106, 4, 3)]
    assert [one.best for one in trials] == pytest.approx([1.0, 0.6])
    (asked,) = told.asked
    assert asked.tile[:2].tolist() == np.asarray(proposal.candidates.level.tile)[[1, 6]].tolist()
    assert asked.tile.shape[0] == tiny.TINY.curriculum.accepted


def test_nobody_plays_where_nothing_was_accepted(begun):
    programs, state, proposal = begun
    programs, told = tell(programs, np.zeros((1, 1)))
    none = np.zeros(proposal.qd.size, bool)
    score = np.zeros(proposal.qd.size)
    assert try_newcomers(programs, state, proposal, score, none, Counters()) == []
    assert not told.asked


def test_quality_diversity_ranks_by_default(begun):
    programs, state, proposal = begun
    ranked, steps = rank_proposal(programs, state, proposal, Counters())
    assert eqx.tree_equal(ranked, proposal)
    assert steps == 0


@pytest.fixture(scope="module")
def by_agents():
    return tiny.make_programs(BY_AGENTS)


def test_agents_rank_the_worlds_that_differ_most_for_them_first(by_agents):
    state = by_agents.begin()
    candidates = BY_AGENTS.curriculum.parents * BY_AGENTS.curriculum.children
    solved = np.tile(np.float32([[0.0, 0.5, 1.0]]), (candidates, 1))
    solved[5] = [1.0, 0.5, 0.0]  # here the agents do the other way round
    known = jnp.tile(jnp.float32([[0.0, 0.5, 1.0]]), (8, 1))
    state = eqx.tree_at(
        lambda tree: (tree.roster.seen, tree.frontier.solved), state, (jnp.int32(3), known)
    )
    proposal = by_agents.propose(
        state.pool, state.embedding.net, state.frontier, key=jax.random.key(0)
    )
    ranked: Proposal
    ranked, steps = rank_proposal(tell(by_agents, solved)[0], state, proposal, Counters())
    assert steps == 77
    qd = np.asarray(ranked.qd)
    assert qd[5] == pytest.approx(np.sqrt(2.0 / 3.0))
    assert not np.delete(qd, 5).any()
    assert np.asarray(ranked.solved).tolist() == solved.tolist()


def test_agent_that_joins_plays_the_known_worlds(by_agents):
    state = by_agents.begin()
    model = state.student.learner.model
    assert int(state.roster.seen) == 1
    unknown = eqx.tree_at(
        lambda tree: tree.frontier.solved, state, jnp.full((8, 3), -1.0, jnp.float32)
    )
    joined, steps = enrol_agents(by_agents, unknown, (model,), Counters())
    solved = np.asarray(joined.frontier.solved)
    # The first agent plays them, too, when there is somebody to compare it with.
    assert (solved[:, :2] >= 0.0).all()
    assert (solved[:, 2] == -1.0).all()
    assert joined.roster.is_agent.tolist() == [True, True, False]
    again, more = enrol_agents(by_agents, unknown, (model,), Counters())
    assert steps == more > 2 * 8 * BY_AGENTS.curriculum.episodes
    assert np.asarray(again.frontier.solved).tolist() == solved.tolist()


def test_run_logs_what_it_achieved_and_it_is_what_its_archive_says(tmp_path: Path):
    run = tiny.finish(tiny.open_run(tmp_path / "run"))
    config = tiny.TINY.curriculum
    with Archive(run.directory.worlds, read_only=True) as archive:
        cards, scores, trials = archive.worlds(), archive.scores(), archive.trials()
        transfers = archive.transfers()
    accepted = {one.id: one for one in cards if one.verdict == "accepted" and one.parents}
    assert {one.world for one in trials} == accepted.keys()
    assert all(one.best >= accepted[one.world].score for one in trials)
    # One agent was there before all training; the generalist comes with every specialist, and that unless it took
    # the generalist's policy over.
    for one in trials:
        came = sum(
            1 if transfer.direction == "to generalist" else not transfer.merged
            for transfer in transfers
            if transfer.cycle < one.cycle
        )
        assert one.agents == 1 + min(1 + came, config.agents)
    assert transfers
    rows = read_metrics(run.directory.path)
    for row in rows:
        cycles = [one for one in accepted.values() if one.cycle < row.cycle]
        highest = max((one.qd for one in cycles), default=None)
        assert row.values["qd_frontier"] == (None if highest is None else pytest.approx(highest))
        novel = {
            one.world
            for one in trials
            if one.cycle < row.cycle and config.lowest < one.best < config.highest
        }
        solved = {
            one.world
            for one in scores
            if one.cycle < row.cycle
            and one.solve_rate >= config.highest
            and one.episodes >= config.episodes
        } | {
            one.id
            for one in accepted.values()
            if one.cycle < row.cycle and (one.specialist_score or 0.0) >= config.highest
        }
        assert row.values["annecs"] == len(novel & solved)
    wrong = [row.values["embedding_wrong"] for row in rows]
    assert wrong[0] == 0.5
    assert wrong[-1] < 0.5

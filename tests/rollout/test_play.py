import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.core.types import Plan, Player
from alpha_factory.evaluate import make_random
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import as_player, film, make_sampler, play, record
from alpha_factory.worlds import from_text
from reference.engine import WORLD, take
from reference.grid import Episode, random_level, read_level, write_level
from reference.level import SIDE

LEVELS, LIMIT = 8, 12
WALKED = ".......####KDDU"
POLICY = make_random(3)
PLAY = jax.jit(lambda levels, key: play(WORLD, POLICY, None, levels, key=key))
RECORD = jax.jit(lambda levels, key: record(WORLD, POLICY, None, levels, steps=LIMIT, key=key))


@pytest.fixture(scope="module")
def levels():
    random = [
        write_level(random_level(seed, symbols=WALKED, most_steps=LIMIT, is_neutral=True))
        for seed in range(LEVELS - 4)
    ]
    easy = [
        from_text(">G", side=SIDE, step_limit=LIMIT),
        from_text(">T.\n.G.", side=SIDE, step_limit=LIMIT, dense=0.5),
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *random, *easy, *easy)


@pytest.mark.parametrize("seed", range(5))
def test_play_and_record_give_the_same_score(levels, seed):
    score, _ = RECORD(levels, jax.random.key(seed))
    for one, other in zip(
        jax.tree.leaves(PLAY(levels, jax.random.key(seed))), jax.tree.leaves(score), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(5))
def test_score_is_that_of_the_slow_simulator(levels, seed):
    """The actions are read off the recorded states: a heading that turned, or a push ahead."""
    score, states = RECORD(levels, jax.random.key(seed))
    assert score.is_solved.any()
    for index in range(LEVELS):
        level = read_level(take(levels, index))
        episode, total, is_solved, time = Episode(level), 0.0, False, 0
        while not episode.is_over:
            heading = states.heading[time + 1, index] - states.heading[time, index]
            action = {0: 2, 1: 1, 3: 0}[int(heading) % 4]
            # Only the easy levels have traps, which always fire.
            reward, _, _, is_solved = episode.step(action, is_sprung=True)
            total, time = total + reward, time + 1
            assert tuple(states.position[time, index].tolist()) == episode.cell
        assert int(score.steps[index]) == time <= level.step_limit
        assert bool(score.is_solved[index]) == is_solved
        assert float(score.total[index]) == pytest.approx(total, abs=1e-5)


def test_record_starts_at_the_start_and_stays_at_the_end(levels):
    score, states = RECORD(levels, jax.random.key(0))
    assert states.time.shape == (LIMIT + 1, LEVELS)
    assert not states.time[0].any()
    np.testing.assert_array_equal(states.position[0], levels.start)
    wanted = np.minimum(np.arange(LIMIT + 1)[:, None], np.asarray(score.steps)[None])
    np.testing.assert_array_equal(states.time, wanted)


def test_film_holds_what_was_done_and_paid(levels):
    shot = jax.jit(lambda levels, key: film(WORLD, POLICY, None, levels, steps=2 * LIMIT, key=key))(
        levels, jax.random.key(0)
    )
    score, states = RECORD(levels, jax.random.key(0))
    np.testing.assert_array_equal(shot.state.cell[: LIMIT + 1], states.cell)
    np.testing.assert_array_equal(shot.state.time[LIMIT], shot.state.time[-1])
    np.testing.assert_array_equal(shot.score.steps, score.steps)
    np.testing.assert_allclose(np.sum(shot.reward, axis=0), score.total, atol=1e-6)
    is_taken = np.arange(LIMIT)[:, None] < np.asarray(score.steps)[None]
    turned = np.diff(np.asarray(states.heading), axis=0) % 4
    acted = np.select([turned == 3, turned == 1], [0, 1], 2)
    np.testing.assert_array_equal(np.asarray(shot.action)[:LIMIT][is_taken], acted[is_taken])


def test_another_key_plays_otherwise(levels):
    first, other = (RECORD(levels, jax.random.key(seed))[1] for seed in (0, 1))
    assert not jnp.array_equal(first.heading, other.heading)


def test_player_remembers_from_step_to_step_and_begins_anew():
    """One that turns left for as many steps as the entry of its parameters says, then walks ahead."""

    def act(params, obs, is_first, carry, *, key):
        del obs, key
        steps = jnp.where(is_first, 0, carry)
        action = jnp.where(steps < params, 0, 2).astype(jnp.int32)
        return Plan(action, jnp.ones((params.size, 3)) / 3, jnp.zeros(params.size)), steps + 1

    # What it remembers before the first step is not to count.
    player = Player(lambda params, worlds: jnp.full(worlds, 99), act)
    assert as_player(player) is player
    level = from_text("G.\n..\n>.", side=SIDE, step_limit=LIMIT)
    levels = jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), level)
    turns, key = jnp.array([0, 1, 2]), jax.random.key(0)
    score = jax.jit(lambda turns: play(WORLD, player, turns, levels, key=key))(turns)
    assert score.is_solved.tolist() == [False, True, False]
    assert score.steps.tolist() == [LIMIT, 3, LIMIT]
    recorded, _ = record(WORLD, player, turns, levels, steps=LIMIT, key=key)
    assert recorded.steps.tolist() == score.steps.tolist()


def test_sampler_acts_as_its_network_does_in_training():
    """Actions as often as the policy says; the memory is that of stepping the network by hand."""
    net = ActorCritic((3,), 3, memory="gru", width=4, embed=4, head=4, key=jax.random.key(1))
    net = eqx.tree_at(lambda one: one.policy.out.bias, net, jnp.array([0.0, 1.0, 2.0]))
    sampler, worlds = make_sampler(), 3000
    obs, is_first = jnp.ones((worlds, 3), bool), jnp.ones(worlds, bool)
    carry = sampler.start(net, worlds)
    plan, after = sampler.act(net, obs, is_first, carry, key=jax.random.key(0))
    opinion, wanted = net.step(obs, is_first, net.start(worlds))
    np.testing.assert_array_equal(after, wanted)
    np.testing.assert_allclose(plan.policy, jax.nn.softmax(opinion.logits), rtol=1e-6)
    np.testing.assert_array_equal(plan.value, opinion.value)
    chances = np.asarray(plan.policy[0], float)
    counts = np.bincount(np.asarray(plan.action), minlength=3)
    assert stats.chisquare(counts, worlds * chances / chances.sum()).pvalue > 1e-3

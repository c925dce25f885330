import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.evaluate import make_random
from alpha_factory.rollout import collect, no_episodes, start_actors
from alpha_factory.worlds import from_text
from reference.engine import WORLD, take
from reference.grid import Episode, read_level

WORLDS, STEPS, SLOTS = 5, 60, 3
RULES = ("in turns of 3 steps: left and right swap", "in turns of 2 steps: fog falls")
POLICY = make_random(3)


def draw_level(source, *, key):
    """Slots 0, 1 and 2 with chances 1/6, 2/6 and 3/6."""
    chances = jnp.log(jnp.array([1.0, 2.0, 3.0]))
    slot = jax.random.categorical(key, chances).astype(jnp.int32)
    return slot, jax.tree.map(lambda leaf: leaf[slot], source)


@jax.jit
def gather(source, actors, key):
    return collect(
        WORLD, POLICY, draw_level, None, source, actors, steps=STEPS, slots=SLOTS, key=key
    )


@pytest.fixture(scope="module")
def source():
    levels = [
        from_text(">G\n..", step_limit=5),
        from_text(">T.\n..G", step_limit=9, dense=0.4, penalty=0.5),
        from_text("^.K\n##D\n.G.", step_limit=40, rules=RULES),
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)


@pytest.fixture(scope="module")
def stretches(source):
    """Two stretches of rows, the second from where the first one ended."""
    start = jax.jit(
        lambda source, key: start_actors(WORLD, draw_level, source, worlds=WORLDS, key=key)
    )
    first = gather(source, start(source, jax.random.key(0)), jax.random.key(1))
    return first, gather(source, first.actors, jax.random.key(2))


@pytest.fixture(scope="module")
def rows(stretches):
    """The rows of both stretches, one after the other."""
    both = [stretch.trajectory for stretch in stretches]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *both)


@pytest.fixture(scope="module")
def episodes(source, rows):
    """Each episode replayed by the slow simulator: which level, when it ended, what it brought.

    The level is known by its first observation; every later row has to fit it.
    """
    levels = [read_level(take(source, slot)) for slot in range(SLOTS)]
    openings = [np.array(Episode(level).observe()) for level in levels]
    assert all(not np.array_equal(openings[a], openings[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    played = []
    for world in range(WORLDS):
        episode = None
        for time in range(2 * STEPS):
            obs = rows.obs[time, world]
            if episode is None:
                slot = next(slot for slot in range(SLOTS) if np.array_equal(obs, openings[slot]))
                episode, total = Episode(levels[slot]), 0.0
            np.testing.assert_array_equal(obs, episode.observe())
            assert rows.is_last[time, world] == episode.is_over
            if episode.is_over:
                assert rows.reward[time, world] == 0
                assert not rows.is_terminated[time, world]
                episode = None
                continue
            reward, is_terminated, is_truncated, is_solved = episode.step(
                int(rows.action[time, world])
            )
            total += reward
            assert rows.reward[time, world] == pytest.approx(reward, abs=1e-5)
            assert rows.is_terminated[time, world] == is_terminated
            if is_terminated or is_truncated:
                played.append((time, slot, total, is_solved))
    return played


def test_rows_are_what_the_slow_simulator_makes_of_the_actions(episodes):
    assert len(episodes) > 30
    assert {solved for *_, solved in episodes} == {False, True}


def test_an_episode_of_n_steps_takes_n_plus_one_rows(rows):
    """Between two last rows lies an episode, whose step before the last row ended it."""
    for world in range(WORLDS):
        last = np.flatnonzero(rows.is_last[:, world])
        assert (np.diff(last) >= 2).all()
        ended = np.flatnonzero(rows.is_terminated[:, world])
        assert set(ended + 1) <= {*last, 2 * STEPS}


def test_next_level_is_drawn_as_asked(episodes):
    counts = np.bincount([slot for _, slot, *_ in episodes], minlength=SLOTS)
    assert stats.chisquare(counts, counts.sum() * np.array([1, 2, 3]) / 6).pvalue > 1e-3


@pytest.mark.parametrize("stretch", [0, 1])
def test_tallies_are_those_of_the_replayed_episodes(stretches, episodes, stretch):
    tally = stretches[stretch].episodes
    ended, solved, total = np.zeros((3, SLOTS))
    for time, slot, brought, is_solved in episodes:
        if time // STEPS == stretch:
            ended[slot] += 1
            solved[slot] += is_solved
            total[slot] += brought
    assert tally.ended.tolist() == ended.tolist()
    assert tally.solved.tolist() == solved.tolist()
    np.testing.assert_allclose(tally.total, total, atol=1e-4)


def test_frames_are_rows_that_took_a_step(stretches):
    for stretch in stretches:
        assert int(stretch.episodes.frames) == int((~stretch.trajectory.is_last).sum())


def test_policy_and_value_of_the_plan_are_kept(rows):
    assert np.allclose(rows.policy, 1 / 3)
    assert (rows.value == 0).all()
    counts = np.bincount(rows.action.ravel(), minlength=3)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_same_key_gives_the_same_rows(source, stretches):
    again = gather(source, stretches[0].actors, jax.random.key(2))
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(stretches[1]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_episodes_is_nothing():
    assert [leaf.tolist() for leaf in jax.tree.leaves(no_episodes(2))] == [
        [0, 0],
        [0, 0],
        [0, 0],
        0,
    ]

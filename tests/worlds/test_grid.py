import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alpha_factory.worlds import from_text, public_mazes
from reference.engine import DECODE, STEPS, WORLD, draw_cells, pad_actions, run, take
from reference.grid import Episode, random_level, read_level, solve, write_level

SEEDS = st.integers(0, 2**32 - 1)
KEY = jax.random.key(0)


def draw_actions(seed, level):
    """Random actions, mostly forward; every other seed first follows the shortest plan for a while."""
    draw = np.random.default_rng(seed)
    actions = draw.choice(3, STEPS, p=(0.25, 0.25, 0.5)).tolist()
    plan = (solve(level) or []) if seed % 2 else []
    return [*plan, *actions][:STEPS]


def replay(level, actions):
    """What the slow simulator makes of it: every tenth observation up to the end, all outcomes, and the episode."""
    episode = Episode(level)
    seen, outcomes = {0: episode.observe()}, []
    for time, action in enumerate(actions, start=1):
        was_over = episode.is_over
        outcomes.append(episode.step(action))
        if not was_over and (time % 10 == 0 or episode.is_over):
            seen[time] = episode.observe()
    return seen, np.array(outcomes, float), episode


def as_rows(outcomes):
    return np.stack(
        [
            np.asarray(leaf, float)
            for leaf in (
                outcomes.reward,
                outcomes.is_terminated,
                outcomes.is_truncated,
                outcomes.is_solved,
            )
        ],
        axis=1,
    )


@given(SEEDS)
def test_episode_is_that_of_the_slow_simulator(seed):
    engine = write_level(random_level(seed))
    level = read_level(engine)
    actions = draw_actions(seed, level)
    states, obs, outcomes = run(engine, pad_actions(actions), KEY)
    slow_obs, slow_outcomes, episode = replay(level, actions)
    np.testing.assert_allclose(as_rows(outcomes), slow_outcomes, atol=1e-5)
    for time, features in slow_obs.items():
        np.testing.assert_array_equal(np.asarray(obs[time]), features, err_msg=f"{time=}")
    last = take(states, -1)
    assert tuple(last.position.tolist()) == episode.cell
    assert int(last.heading) == episode.heading
    assert bool(last.has_key) == episode.has_key
    assert int(last.time) == episode.time
    assert {cell: int(last.tile[cell]) for cell in episode.tile} == episode.tile
    assert set(map(tuple, np.argwhere(last.seen).tolist())) == episode.seen
    assert set(map(tuple, np.argwhere(last.visited).tolist())) == episode.visited


@given(SEEDS)
def test_finished_world_stays_as_it_is_and_pays_nothing(seed):
    level = read_level(write_level(random_level(seed, most_steps=30)))
    actions = draw_actions(seed, level)
    states, _, outcomes = run(write_level(level), pad_actions(actions), KEY)
    is_over = np.asarray(outcomes.is_terminated | outcomes.is_truncated)
    end = int(np.argmax(is_over))
    assert is_over[end:].all()
    assert (np.asarray(outcomes.reward)[end + 1 :] == 0).all()
    assert not np.asarray(outcomes.is_solved)[end + 1 :].any()
    for leaf in map(np.asarray, jax.tree.leaves(states)):
        assert (leaf[end + 1 :] == leaf[end + 1]).all()


@given(SEEDS)
def test_no_step_and_no_episode_pays_more_than_one_or_less_than_minus_one(seed):
    level = random_level(seed)
    _, _, outcomes = run(write_level(level), pad_actions(draw_actions(seed, level)), KEY)
    reward = np.asarray(outcomes.reward, float)
    assert np.abs(reward).max() <= 1
    assert -1 - 1e-5 <= reward.sum() <= 1 + 1e-5


def test_walking_away_from_the_goal_costs_at_most_one():
    _, _, outcomes = run(from_text("G>.........", dense=0.5), pad_actions([2] * 9), KEY)
    assert -1 <= float(outcomes.reward.sum()) <= 0


def test_pocket_behind_traps_costs_no_more_than_the_way_on_it():
    """Cells that only a trap leads to are infinitely far from the goal, and no reason for a fine."""
    level = from_text("G>TT.......", dense=0.5, trap_odds=0.0)
    _, _, outcomes = run(level, pad_actions([2] * 9), KEY)
    assert -1 <= float(outcomes.reward.sum()) <= 0


def test_dense_reward_of_a_solved_episode_adds_up_to_one():
    draw = np.random.default_rng(1)
    levels = DECODE(jnp.asarray(draw.integers(0, 2**32, (512, 16), np.uint32)))
    levels = eqx.tree_at(
        lambda tree: (tree.slip, tree.mirror_period),
        levels,
        (jnp.zeros_like(levels.slip), jnp.zeros_like(levels.mirror_period)),
    )
    chosen = np.flatnonzero(np.asarray(levels.dense) > 0.01)[:20]
    assert len(chosen) == 20
    for index in chosen:
        level = take(levels, index)
        plan = solve(read_level(level))
        _, _, outcomes = run(level, pad_actions(plan), KEY)
        rewards = np.asarray(outcomes.reward, float)
        assert rewards.sum() == pytest.approx(1.0, abs=1e-5)
        on_the_way = rewards[: len(plan) - 1].sum()
        steps = int(level.distance[tuple(level.start)])
        assert on_the_way == pytest.approx(float(level.dense) * (1 - 1 / steps), abs=1e-5)


@pytest.mark.parametrize("name", public_mazes())
def test_shortest_walk_solves_a_public_maze(name):
    maze = public_mazes()[name]
    plan = solve(read_level(maze))
    _, _, outcomes = run(maze, pad_actions(plan), KEY)
    assert float(outcomes.reward.sum()) == 1.0
    assert int(jnp.argmax(outcomes.is_solved)) == len(plan) - 1


SAMPLE = 2000


@jax.jit
def step_forward_often(level, key):
    state = WORLD.reset(level, key=key)
    forward = jnp.int32(2)
    return jax.vmap(lambda one: WORLD.step(level, state, forward, key=one))(
        jax.random.split(key, SAMPLE)
    )


@pytest.mark.parametrize("slip", [0.0, 0.25, 1.0])
def test_forward_step_slips_as_often_as_the_level_says(slip):
    state, outcome = step_forward_often(from_text(">.G", slip=slip), KEY)
    stayed = int(jnp.sum(state.position[:, 1] == 0))
    assert stats.binomtest(stayed, SAMPLE, slip).pvalue > 1e-3
    assert not outcome.is_terminated.any()


@pytest.mark.parametrize("odds", [0.0, 0.3, 1.0])
def test_trap_fires_as_often_as_the_level_says(odds):
    level = from_text(">T.\n..G", trap_odds=odds, trap_penalty=0.5)
    state, outcome = step_forward_often(level, KEY)
    assert stats.binomtest(int(outcome.is_terminated.sum()), SAMPLE, odds).pvalue > 1e-3
    assert jnp.all(state.position == jnp.array([[0, 1]]))
    assert jnp.allclose(outcome.reward, jnp.where(outcome.is_terminated, -0.5, 0.0))
    assert not outcome.is_solved.any()


def test_door_opens_only_with_the_key_and_stays_open():
    # Bump into the door, turn about, fetch the key, turn about, go through.
    actions = [2, 2, 0, 0, 2, 1, 1, 2, 2, 2]
    states, _, outcomes = run(from_text("K>DG"), pad_actions(actions), KEY)
    columns = states.position[:, 1].tolist()
    assert columns[: len(actions) + 1] == [1, 1, 1, 1, 1, 0, 0, 0, 1, 2, 3]
    assert int(jnp.argmax(outcomes.is_solved)) == len(actions) - 1
    assert draw_cells(states.tile[-1])[0].startswith("..'G")


def test_goal_counts_as_solved_even_in_the_last_step():
    _, _, outcomes = run(from_text(">.G", step_limit=2), pad_actions([2, 2]), KEY)
    assert outcomes.is_solved[:2].tolist() == [False, True]
    assert bool(outcomes.is_terminated[1])
    assert not outcomes.is_truncated.any()


def test_step_limit_truncates_without_terminating():
    _, _, outcomes = run(from_text(">..G", step_limit=2), pad_actions([2, 2, 2]), KEY)
    assert outcomes.is_truncated[:3].tolist() == [False, True, True]
    assert not outcomes.is_terminated.any()
    assert not outcomes.is_solved.any()


def test_mirror_swaps_turns_in_every_other_period():
    level = from_text("....\n.>..\n...G", mirror_period=2)
    states, _, _ = run(level, pad_actions([0, 0, 0, 0, 1, 1, 1, 1]), KEY)
    # right -> up -> left, then left turns act as right ones and back again; the same to the right.
    assert states.heading[:9].tolist() == [0, 3, 2, 3, 0, 1, 2, 1, 0]


def test_same_key_gives_the_same_trajectory_and_another_key_another():
    level = from_text(".....\n.>.T.\n..G..", slip=0.25, trap_odds=0.5)
    actions = pad_actions([2, 0, 2, 0, 2, 0, 2, 0] * 8)
    first, again, other = (run(level, actions, jax.random.key(seed)) for seed in (1, 1, 2))
    assert all(map(np.array_equal, jax.tree.leaves(first), jax.tree.leaves(again)))
    assert not all(map(np.array_equal, jax.tree.leaves(first), jax.tree.leaves(other)))


def test_step_is_the_same_without_jit():
    level = write_level(random_level(5))
    actions = draw_actions(5, read_level(level))
    states, obs, outcomes = run(level, pad_actions(actions), KEY)
    with jax.disable_jit():
        state = WORLD.reset(level, key=KEY)
        for time, key in enumerate(jax.random.split(KEY, STEPS)[:1]):
            np.testing.assert_array_equal(WORLD.observe(level, state), obs[time])
            state, outcome = WORLD.step(level, state, jnp.int32(actions[time]), key=key)
            jax.tree.map(np.testing.assert_array_equal, state, take(states, time + 1))
            jax.tree.map(np.testing.assert_array_equal, outcome, take(outcomes, time))


def test_batch_by_vmap_is_one_world_at_a_time():
    plain = [random_level(seed) for seed in range(4)]
    levels = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(write_level, plain))
    actions = jnp.stack([pad_actions(draw_actions(seed, plain[seed])) for seed in range(4)])
    keys = jax.random.split(KEY, 4)
    together = jax.jit(jax.vmap(run))(levels, actions, keys)
    for index in range(4):
        alone = run(take(levels, index), actions[index], keys[index])
        for many, one in zip(
            jax.tree.leaves(take(together, index)), jax.tree.leaves(alone), strict=True
        ):
            np.testing.assert_array_equal(many, one)


def test_world_says_its_own_sizes():
    _, obs, _ = run(from_text(">.G"), pad_actions([]), KEY)
    assert obs.shape == (STEPS + 1, WORLD.features) == (STEPS + 1, 1024)
    assert WORLD.actions == 3

"""What holds in every world that a genome can say."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_factory.genome import OPERATORS, mutate, random_genome
from alpha_factory.worlds import SIDE, decode, make_grid
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.reach import UNREACHABLE, find_steps, flood

LANES, STEPS = 16, 250
SEEDS = st.integers(0, 2**31 - 1)
GENOMES = st.binary(min_size=64, max_size=64).map(lambda raw: np.frombuffer(raw, "<u4").copy())
DECODE = jax.jit(decode)
DECODE_ALL = jax.jit(jax.vmap(decode))


@jax.jit
@partial(jax.vmap, in_axes=(0,))
def find_faults(level):
    """What a decoded level must not be, each fault as a flag."""
    tile, (row, column) = level.tile, level.start

    def reach(place, *closed):
        return flood(find_steps(tile, closed=closed), place)

    def place_of(kind, otherwise):
        flat = jnp.argmax((tile == kind).ravel()).astype(jnp.int32)
        found = jnp.stack([flat // SIDE, flat % SIDE])
        return jnp.where(jnp.any(tile == kind), found, otherwise)

    def is_far(steps, place):
        return steps[place[0], place[1]] >= UNREACHABLE

    button = place_of(tiles.BUTTON, level.start)
    key = place_of(tiles.KEY, button)
    inside = (jnp.arange(SIDE)[:, None] < level.size[0]) & (jnp.arange(SIDE)[None] < level.size[1])
    return {
        "start not on floor": tile[row, column] != tiles.FLOOR,
        "start beyond the edge": ~inside[row, column],
        "not one goal": jnp.sum(tile == tiles.GOAL) != 1,
        "goal elsewhere": tile[level.goal[0], level.goal[1]] != tiles.GOAL,
        "size out of range": jnp.any((level.size < 8) | (level.size > SIDE)),
        "no walls around": jnp.any((tile != tiles.WALL) & ~inside),
        "unknown tile": jnp.any(tile >= tiles.KINDS),
        "gates without a button": jnp.any(tile == tiles.GATE) & ~jnp.any(tile == tiles.BUTTON),
        "doors without a key": jnp.any(tile == tiles.DOOR) & ~jnp.any(tile == tiles.KEY),
        "button out of reach": is_far(reach(level.start, tiles.DOOR, tiles.GATE), button),
        "key out of reach": is_far(reach(button, tiles.DOOR), key),
        "goal out of reach": is_far(reach(key), level.goal),
        "one teleporter": (jnp.sum(tile == tiles.TELEPORT) % 2) == 1,
        "no time": level.step_limit < 1,
    }


def _check_valid(levels):
    for fault, is_there in find_faults(levels).items():
        assert not np.flatnonzero(is_there).tolist(), fault


@given(GENOMES)
def test_decode_gives_a_level_with_a_way_to_its_goal(genome):
    _check_valid(jax.tree.map(lambda leaf: leaf[None], DECODE(jnp.asarray(genome))))


@pytest.mark.parametrize("word", [0, 0xFFFFFFFF, 0xAAAAAAAA, 0x55555555, 0xFFFF0000])
def test_decode_takes_extreme_genomes(word):
    genome = jnp.full(16, word, jnp.uint32)
    _check_valid(jax.tree.map(lambda leaf: leaf[None], DECODE(genome)))


@given(SEEDS)
@settings(max_examples=5)
def test_every_operator_keeps_levels_valid(seed):
    genomes = _draw_genomes(seed, 256)
    children, operators = _mutate_all(genomes, jax.random.split(jax.random.key(seed), 256))
    assert set(operators.tolist()) == set(range(len(OPERATORS)))
    _check_valid(DECODE_ALL(children))


_mutate_all = jax.jit(jax.vmap(lambda genome, key: mutate(genome, key=key)))


def _draw_genomes(seed, count):
    keys = jax.random.split(jax.random.key(seed), count)
    return jax.vmap(lambda key: random_genome(key=key))(keys)


class Engine:
    """One engine, played at random by compiled programs."""

    def __init__(self, controls):
        self.world = make_grid(controls=controls)
        self.alone = jax.jit(self.play)
        self.together = jax.jit(jax.vmap(self.play))

    def play(self, level, actions, key):
        """States after each step with their observations, and outcomes."""
        state = self.world.reset(level, key=key)

        def act(state, step):
            action, time = step
            key_step = jax.random.fold_in(key, time)
            state, outcome = self.world.step(level, state, action, key=key_step)
            return state, (state, self.world.observe(level, state), outcome)

        return jax.lax.scan(act, state, (actions, jnp.arange(actions.shape[0])))[1]

    def draw(self, seed):
        """Levels, actions and keys."""
        levels = DECODE_ALL(_draw_genomes(seed, LANES))
        chances = np.full(self.world.actions, 0.4 / (self.world.actions - 1))
        chances[-1] = 0.6  # forward, or up
        drawn = np.random.default_rng(seed).choice(self.world.actions, (LANES, STEPS), p=chances)
        return levels, jnp.asarray(drawn, jnp.int32), jax.random.split(jax.random.key(seed), LANES)


@pytest.fixture(scope="module", params=["turn", "compass"])
def engine(request):
    return Engine(request.param)


@given(SEEDS)
@settings(max_examples=6)
def test_rewards_and_returns_lie_within_one(engine, seed):
    _, _, outcome = engine.together(*engine.draw(seed))
    reward = np.asarray(outcome.reward)
    assert np.isfinite(reward).all()
    assert (abs(reward) <= 1).all()
    total = reward.astype(np.float64).sum(axis=1)
    assert (abs(total) <= 1 + 1e-5).all(), total.tolist()


@given(SEEDS)
@settings(max_examples=6)
def test_episode_ends_once_and_stays_as_it_is(engine, seed):
    state, obs, outcome = jax.device_get(engine.together(*engine.draw(seed)))
    assert not (outcome.is_terminated & outcome.is_truncated).any()
    assert not (outcome.is_solved & ~outcome.is_terminated).any()
    is_over = outcome.is_terminated | outcome.is_truncated
    was_over = is_over[:, :-1]
    assert is_over[:, -1].all(), "no step limit is longer than what was played"
    assert not outcome.reward[:, 1:][was_over].any()
    assert not outcome.is_solved[:, 1:][was_over].any()
    for leaf in jax.tree.leaves((state, obs)):
        np.testing.assert_array_equal(leaf[:, 1:][was_over], leaf[:, :-1][was_over])


@given(SEEDS)
@settings(max_examples=4)
def test_world_alone_does_as_in_a_batch_and_as_the_same_key_did_before(engine, seed):
    drawn = engine.draw(seed)
    together = jax.device_get(engine.together(*drawn))
    for first, again in zip(
        jax.tree.leaves(together), jax.tree.leaves(engine.together(*drawn)), strict=True
    ):
        np.testing.assert_array_equal(first, again)
    for index in range(0, LANES, 4):
        alone = engine.alone(*jax.tree.map(lambda leaf, at=index: leaf[at], drawn))
        for one, other in zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True):
            np.testing.assert_array_equal(one, other[index])


@given(SEEDS)
@settings(max_examples=3)
def test_world_does_the_same_uncompiled(engine, seed):
    drawn = jax.tree.map(lambda leaf: leaf[0], engine.draw(seed))
    compiled = engine.alone(*drawn)
    level, actions, key = drawn
    with jax.disable_jit():
        slow = engine.play(level, actions[:3], key)
    for one, other in zip(jax.tree.leaves(slow), jax.tree.leaves(compiled), strict=True):
        np.testing.assert_array_equal(one, other[:3])


def test_decode_does_the_same_uncompiled_and_in_a_batch():
    genomes = _draw_genomes(3, LANES)
    levels = DECODE_ALL(genomes)
    for index in range(LANES):
        one = DECODE(genomes[index])
        for leaf, other in zip(jax.tree.leaves(one), jax.tree.leaves(levels), strict=True):
            np.testing.assert_array_equal(leaf, other[index])
    with jax.disable_jit():
        slow = decode(genomes[0])
    for leaf, other in zip(jax.tree.leaves(slow), jax.tree.leaves(levels), strict=True):
        np.testing.assert_allclose(leaf, other[0], rtol=1e-6)

"""A world that keeps its promises passes; of each promise, one world that breaks it alone does not."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from alpha_factory.core.types import Outcome, World
from alpha_factory.evaluate import public_suite, stack_levels
from alpha_factory.genome import random_genome
from alpha_factory.testing import WorldViolation, check_world
from alpha_factory.worlds import decode, from_text, make_grid, make_maze, pack_maze

KEY = jax.random.key(0)


class Walk(eqx.Module):
    """Where a walk on a line stands."""

    place: jax.Array
    drift: jax.Array
    time: jax.Array
    is_terminated: jax.Array
    is_truncated: jax.Array


def reset(level, *, key):
    drift = jax.random.normal(key)
    return Walk(jnp.int32(0), drift, jnp.int32(0), jnp.bool_(False), jnp.bool_(False))


def step(level, state, action, *, key):
    """Left, stay or right, or by chance; the goal is `level` steps to the right, the limit 30."""
    is_over = state.is_terminated | state.is_truncated
    is_odd = jax.random.bernoulli(key, 0.1)
    place = state.place + jnp.where(is_odd, 0, action - 1)
    time = state.time + 1
    is_solved = (place >= level) & ~is_over
    moved = Walk(place, 0.9 * state.drift, time, place >= level, (time >= 30) & ~(place >= level))
    kept = jax.tree.map(lambda old, new: jnp.where(is_over, old, new), state, moved)
    reward = jnp.where(is_solved, 1.0, 0.0)
    return kept, Outcome(reward, kept.is_terminated, kept.is_truncated, is_solved)


def observe(level, state):
    return jnp.stack([state.place.astype(jnp.float32), state.drift])


LEVELS = jnp.array([1, 1, 2, 50], jnp.int32)
GOOD = World(reset, step, observe, actions=3, features=2)


def _change(**changes):
    """The walk, with something done to what a step gives."""

    def changed(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        for name, change in changes.items():
            part = following if name in ("place", "drift", "time") else outcome
            value = change(level, state, following, outcome, getattr(part, name))
            if part is following:
                following = eqx.tree_at(lambda tree, at=name: getattr(tree, at), following, value)
            else:
                outcome = eqx.tree_at(lambda tree, at=name: getattr(tree, at), outcome, value)
        return following, outcome

    return GOOD._replace(step=changed)


def _was_over(state):
    return state.is_terminated | state.is_truncated


def _both_flags():
    def broken(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        both = following.is_terminated | following.is_truncated
        following = eqx.tree_at(
            lambda s: (s.is_terminated, s.is_truncated), following, (both, both)
        )
        return following, Outcome(outcome.reward, both, both, outcome.is_solved)

    return GOOD._replace(step=broken)


def _revive():
    """A finished world that starts anew by itself."""

    def broken(level, state, action, *, key):
        fresh = reset(level, key=key)
        state = jax.tree.map(lambda new, old: jnp.where(_was_over(state), new, old), fresh, state)
        return step(level, state, action, key=key)

    return GOOD._replace(step=broken)


def _nan_observation():
    def broken(level, state):
        obs = observe(level, state)
        return jnp.where(state.time == 7, jnp.nan, obs)

    return GOOD._replace(observe=broken)


def _host_chance():
    """Draws from a counter on the host at every call of a compiled program."""
    counter = itertools.count()

    def broken(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        drawn = jax.pure_callback(
            lambda _: jnp.float32(next(counter)), shape, state.drift, vmap_method="sequential"
        )
        return eqx.tree_at(lambda s: s.drift, following, drawn), outcome

    return GOOD._replace(step=broken)


def _batch_lookup():
    """Its drift depends on which other worlds are in the batch."""

    @jax.custom_batching.custom_vmap
    def mix(drift):
        return drift

    @mix.def_vmap
    def mix_batch(size, is_batched, drift):
        return jnp.mean(drift, keepdims=True) + 0 * drift, True

    def broken(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        drift = jnp.where(_was_over(state), following.drift, mix(following.drift))
        return eqx.tree_at(lambda s: s.drift, following, drift), outcome

    return GOOD._replace(step=broken)


def _eager_branch():
    """Goes another way when its numbers are at hand."""

    def broken(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        shift = 0.0 if isinstance(following.drift, jax.core.Tracer) else 1.0
        return eqx.tree_at(lambda s: s.drift, following, following.drift + shift), outcome

    return GOOD._replace(step=broken)


def _wider_state():
    def broken(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        return eqx.tree_at(lambda s: s.place, following, following.place[None]), outcome

    return GOOD._replace(step=broken)


def _other_structure():
    def broken(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        return eqx.tree_at(lambda s: s.place, following, (following.place,)), outcome

    return GOOD._replace(step=broken)


def _growing_observation():
    """Gives more with every call."""
    calls = itertools.count(1)
    return GOOD._replace(observe=lambda level, state: jnp.zeros(next(calls)), features=None)


def _integer_reward():
    return _change(reward=lambda *args: args[-1].astype(jnp.int32))


def _hidden_flag():
    class Bare(eqx.Module):
        place: jax.Array
        is_truncated: jax.Array

    def bare_reset(level, *, key):
        return Bare(jnp.int32(0), jnp.bool_(False))

    def bare_step(level, state, action, *, key):
        no = jnp.bool_(False)
        return state, Outcome(jnp.float32(0), no, no, no)

    return World(bare_reset, bare_step, lambda level, state: state.place, actions=3, features=None)


def _endless():
    def broken(level, state, action, *, key):
        return step(jnp.int32(10_000), eqx.tree_at(lambda s: s.time, state, 0), action, key=key)

    return GOOD._replace(step=broken)


def _lying_state():
    """The outcome is told of the end one step before the state is."""

    def broken(level, state, action, *, key):
        following, outcome = step(level, state, action, key=key)
        is_last = following.time >= 29
        return following, eqx.tree_at(
            lambda o: o.is_truncated,
            outcome,
            (outcome.is_truncated | is_last) & ~outcome.is_terminated,
        )

    return GOOD._replace(step=broken)


def _start_with(**values):
    """The walk from another first state."""

    def broken(level, *, key):
        return dataclasses.replace(reset(level, key=key), **values)

    return GOOD._replace(reset=broken)


def _nan_first_observation():
    def broken(level, state):
        return jnp.where(state.time == 0, jnp.nan, observe(level, state))

    return GOOD._replace(observe=broken)


def _infinite_observation():
    def broken(level, state):
        return jnp.where(state.time == 7, jnp.inf, observe(level, state))

    return GOOD._replace(observe=broken)


def _host_chance_at_reset():
    counter = itertools.count()

    def broken(level, *, key):
        state = reset(level, key=key)
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        drawn = jax.pure_callback(
            lambda _: jnp.float32(next(counter)), shape, state.drift, vmap_method="sequential"
        )
        return dataclasses.replace(state, drift=drawn)

    return GOOD._replace(reset=broken)


BROKEN = {
    "the state keeps its structure, shapes and dtypes": [_wider_state, _other_structure],
    "the observation keeps its shape and dtype": [_growing_observation],
    "an observation has as many entries as features": [lambda: GOOD._replace(features=3)],
    "the outcome is a reward and three flags": [_integer_reward],
    "the state has is_terminated": [_hidden_flag],
    "the same key gives the same trajectory": [_host_chance, _host_chance_at_reset],
    "a world alone does as in a batch": [_batch_lookup],
    "compiled or not, a world does the same": [_eager_branch],
    "rewards are finite": [
        lambda: _change(
            reward=lambda level, old, new, told, reward: jnp.where(new.time == 9, jnp.inf, reward)
        )
    ],
    "rewards lie within [-1.0, 1.0]": [lambda: _change(reward=lambda *args: args[-1] * 1.5)],
    "nothing is NaN": [
        _nan_observation,
        _nan_first_observation,
        lambda: _start_with(drift=jnp.float32(jnp.nan)),
        lambda: _change(
            drift=lambda level, old, new, told, drift: jnp.where(new.time == 5, jnp.nan, drift)
        ),
    ],
    "observations are finite": [
        _infinite_observation,
        lambda: _start_with(drift=-jnp.float32(jnp.inf)),
    ],
    "an episode starts unfinished": [
        lambda: _start_with(is_terminated=jnp.bool_(True)),
        lambda: _start_with(is_truncated=jnp.bool_(True)),
    ],
    "an episode ends by itself or is cut, never both": [_both_flags],
    "what is solved has ended by itself": [
        lambda: _change(is_solved=lambda level, old, new, told, flag: flag | told.is_truncated)
    ],
    "the state's is_truncated is the outcome's": [_lying_state],
    "some episode ends, so that what follows can be checked": [_endless],
    "a finished world stays finished": [
        _revive,
        lambda: _change(
            reward=lambda level, old, new, told, reward: jnp.where(_was_over(old), 0.5, reward)
        ),
        lambda: _change(time=lambda level, old, new, told, time: old.time + 1),
        lambda: _change(is_solved=lambda level, old, new, told, flag: new.is_terminated),
    ],
}


def test_check_world_passes_a_world_that_keeps_its_promises():
    check_world(GOOD, LEVELS, steps=64, key=KEY)


@pytest.mark.parametrize(
    ("promise", "make"),
    [
        pytest.param(promise, make, id=f"{promise} {index}")
        for promise, makers in BROKEN.items()
        for index, make in enumerate(makers)
    ],
)
def test_check_world_names_the_promise_that_a_world_breaks(promise, make):
    with pytest.raises(WorldViolation) as caught:
        check_world(make(), LEVELS, steps=64, key=KEY)
    assert caught.value.promise == promise
    assert promise in str(caught.value)


def test_violation_names_level_step_and_value():
    def reward(level, old, new, told, paid):
        return jnp.where((level == 50) & (new.time == 12), 3.5, paid)

    with pytest.raises(WorldViolation) as caught:
        check_world(_change(reward=reward), LEVELS, steps=64, key=KEY)
    assert (caught.value.level, caught.value.step) == (3, 11)
    assert "3.5" in caught.value.found


def test_violation_at_reset_names_the_level_and_no_step():
    def broken(level, *, key):
        state = reset(level, key=key)
        return dataclasses.replace(state, is_truncated=level == 2)

    with pytest.raises(WorldViolation, match="level 2, reset") as caught:
        check_world(GOOD._replace(reset=broken), LEVELS, steps=64, key=KEY)
    assert (caught.value.level, caught.value.step) == (2, None)
    assert "is_truncated" in caught.value.found


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (LEVELS[:0], "holds 0 levels"),
        ((), "no arrays"),
        (jnp.int32(5), "leading axis"),
        ((LEVELS, LEVELS[:2]), "leading axis"),
    ],
)
def test_check_world_refuses_what_is_no_batch_of_levels(levels, said):
    with pytest.raises(ValueError, match=said):
        check_world(GOOD, levels, key=KEY)


def test_check_world_takes_an_observation_of_the_levels_size():
    levels = stack_levels(
        [from_text(">" + "." * 40 + "G", side=50, step_limit=limit) for limit in (9, 20)]
    )
    world = make_grid(observation="full")
    assert world.features is None
    check_world(world, levels, steps=32, key=KEY)


def test_check_world_takes_other_bounds_of_the_reward():
    check_world(
        _change(reward=lambda *args: args[-1] * 1.5), LEVELS, steps=64, highest=1.5, key=KEY
    )


@pytest.mark.parametrize("controls", ["turn", "compass"])
@pytest.mark.parametrize("observation", ["symbolic", "view", "full"])
def test_grid_keeps_its_promises(observation, controls):
    genomes = jax.vmap(lambda key: random_genome(key=key))(jax.random.split(KEY, 12))
    levels = jax.jit(jax.vmap(decode))(genomes)
    world = make_grid(observation=observation, controls=controls)
    check_world(world, levels, steps=256, key=KEY)


def test_plain_maze_keeps_its_promises():
    levels = pack_maze(public_suite().levels)
    check_world(make_maze(), levels, steps=300, key=KEY)

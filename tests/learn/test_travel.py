"""PPO in worlds drawn anew: rows in order, a memory that forgets where an episode begins, and learning."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.types import Outcome, World
from alpha_factory.learn import Journey, PpoRecipe, start_ppo, start_traveller, travel
from alpha_factory.learn.travel import tell_rows
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import collect, make_sampler

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

LANES, STEPS, SLOTS = 6, 10, 3
SOURCE = jnp.array([3, 4, 5], jnp.int32)  # steps to the end of the levels
RIGHT = 1  # the action that pays


class Count(eqx.Module):
    """How many steps there were."""

    steps: jax.Array
    is_terminated: jax.Array
    is_truncated: jax.Array


def step(level, state, action, *, key):
    """The second level is cut, the others end by themselves."""
    del key
    is_over = state.is_terminated | state.is_truncated
    steps = jnp.where(is_over, state.steps, state.steps + 1)
    is_end, is_cut = (steps >= level) & ~is_over, level == 4
    after = Count(
        steps,
        state.is_terminated | (is_end & ~is_cut),
        state.is_truncated | (is_end & is_cut),
    )
    reward = jnp.where(is_over, 0.0, (action == RIGHT).astype(jnp.float32))
    return after, Outcome(reward, is_end & ~is_cut, is_end & is_cut, is_end & ~is_cut)


WORLD = World(
    reset=lambda level, *, key: Count(jnp.int32(0), jnp.bool_(False), jnp.bool_(False)),
    step=step,
    observe=lambda level, state: jax.nn.one_hot(state.steps + 0 * level, 8),
    actions=2,
    features=8,
)


def draw_level(source, *, key):
    slot = jax.random.randint(key, (), 0, SLOTS)
    return slot, source[slot]


RECIPE = PpoRecipe(lanes=LANES, steps=STEPS, epochs=2, learning_rate=2e-2)
JOURNEY = Journey(WORLD, draw_level, RECIPE, SLOTS)


@pytest.fixture(scope="module")
def begun(quick_compilation):
    net = ActorCritic((8,), 2, memory="gru", width=6, embed=6, head=6, key=jax.random.key(0))
    # Loud heads, so that what is remembered shows.
    net = eqx.tree_at(lambda one: one.value.out.weight, net, replace_fn=lambda leaf: 5 * leaf)
    learner = start_ppo(net, RECIPE)
    return start_traveller(JOURNEY, learner, SOURCE, key=jax.random.key(1))


@pytest.fixture(scope="module")
def stretches(begun):
    """Two stretches of rows without learning, the second from where the first one ended."""
    net, player = begun.learner.net, make_sampler()

    @jax.jit
    def gather(actors, key):
        collected = collect(
            *(WORLD, player, draw_level, net, SOURCE, actors), steps=STEPS, slots=SLOTS, key=key
        )
        return collected, tell_rows(actors, collected)

    first = gather(begun.actors, jax.random.key(2))
    return first, gather(first[0].actors, jax.random.key(3))


def test_episodes_begin_on_new_levels_with_nothing_remembered(begun, stretches):
    net = begun.learner.net
    step_alone = jax.jit(lambda obs, carry: net.step(obs, jnp.zeros(1, bool), carry))
    rows = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(one[1] for one in stretches))
    slot = np.concatenate([one[0].trajectory.slot for one in stretches])
    changed = 0
    for lane in range(LANES):
        carry, taken = net.start(1), 0
        assert rows.is_reset[0, lane]
        for time in range(2 * STEPS):
            if rows.is_reset[time, lane]:
                changed += time > 0 and slot[time, lane] != slot[time - 1, lane]
                carry, taken = net.start(1), 0
            else:
                assert slot[time, lane] == slot[time - 1, lane]
            opinion, carry = step_alone(jnp.asarray(rows.obs[time, lane])[None], carry)
            chances = jax.nn.softmax(opinion.logits[0])
            np.testing.assert_allclose(rows.policy[time, lane], chances, atol=1e-5)
            np.testing.assert_allclose(rows.value[time, lane], opinion.value[0], atol=1e-4)
            limit = int(SOURCE[slot[time, lane]])
            assert rows.is_last[time, lane] == (taken == limit)
            is_ending = taken == limit - 1
            assert rows.is_truncated[time, lane] == (is_ending and limit == 4)
            assert rows.is_terminated[time, lane] == (is_ending and limit != 4)
            is_paid = not rows.is_last[time, lane] and rows.action[time, lane] == RIGHT
            assert rows.reward[time, lane] == is_paid
            taken += 1
    assert changed > LANES


def test_student_learns_in_worlds_that_change(begun):
    @eqx.filter_jit
    def go(student, key):
        return travel(JOURNEY, student, SOURCE, iterations=15, key=key)

    after, travels = go(begun, jax.random.key(4))
    assert int(after.learner.updates) == travels.losses.value.size == 30
    assert 0 < float(travels.policy_entropy) <= np.log(2) + 1e-5
    # Rows taken up by last observations are no frames.
    assert 0.7 * 15 * LANES * STEPS < int(travels.episodes.frames) < 15 * LANES * STEPS
    ended, solved = np.asarray(travels.episodes.ended), np.asarray(travels.episodes.solved)
    assert ended.min() > 0
    assert (solved == np.where(np.asarray(SOURCE) == 4, 0, ended)).all()
    _, later = go(after, jax.random.key(5))
    paid = [float(one.episodes.total.sum() / one.episodes.frames) for one in (travels, later)]
    assert paid[1] > max(0.75, paid[0])

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core import UsageError
from alpha_factory.core.types import Outcome, World
from alpha_factory.learn.mirror import make_dpo
from alpha_factory.learn.ppo import improve, make_ppo_optimiser, start_ppo
from alpha_factory.learn.surrogate import (
    PpoRecipe,
    explain,
    make_batch,
    normalise,
    weigh,
)
from alpha_factory.nets.actor_critic import ActorCritic, Opinion
from alpha_factory.rollout.recurrent import Stretch, collect_lanes, make_sampler, start_lanes
from alpha_factory.worlds import from_text, make_maze, pack_maze
from reference.mirror import dpo

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

WAIT = 3  # steps for which a cue has to be remembered
LANES, STEPS = 4, 12


class Trial(eqx.Module):
    """Where a trial of the memory task is."""

    time: jax.Array
    is_terminated: jax.Array
    is_truncated: jax.Array


def make_recall():
    """A cue, 0 or 1, is shown at the start alone; the action `WAIT` steps later should be that.

    A third action ends the trial by its step limit at once, so that episodes are truncated, too.
    """

    def reset(level, *, key):
        del level, key
        return Trial(jnp.int32(0), jnp.bool_(False), jnp.bool_(False))

    def step(level, state, action, *, key):
        del key
        is_over = state.is_terminated | state.is_truncated
        is_answer = (state.time == WAIT) & ~is_over
        is_right = is_answer & (action == level)
        is_quit = (action == 2) & ~is_answer & ~is_over
        after = Trial(
            state.time + (~is_over).astype(jnp.int32),
            state.is_terminated | is_answer,
            state.is_truncated | is_quit,
        )
        reward = jnp.where(is_right, 1.0, 0.0)
        return after, Outcome(reward, after.is_terminated, after.is_truncated, is_right)

    def observe(level, state):
        is_shown = (state.time == 0)[None]
        return jnp.concatenate([(level == jnp.arange(2)) & is_shown, (state.time == WAIT)[None]])

    return World(reset, step, observe, actions=3, features=3)


RECALL = make_recall()
CUES = jnp.arange(LANES, dtype=jnp.int32) % 2
RECIPE = PpoRecipe(lanes=LANES, steps=STEPS, epochs=3, learning_rate=1e-2, discount=0.9, trace=0.8)
DISCOVERED = RECIPE._replace(drift=make_dpo())


@functools.cache
def make_net(memory="lstm"):
    sizes = {"width": 6, "embed": 5, "head": 4, "layers": 1}
    seed = 17 if memory == "s5" else 0  # with others a unit of S5's heads is silent
    net = ActorCritic((3,), 3, memory=memory, key=jax.random.key(seed), **sizes)
    # The last layer of the policy begins so small that nothing else would move, and units without a bias
    # may be silent for all that there is to see.
    net = eqx.tree_at(lambda tree: tree.policy.out.weight, net, replace_fn=lambda leaf: 100 * leaf)
    units = (net.embedding, net.policy.hidden, net.value.hidden)
    return eqx.tree_at(
        lambda tree: (tree.embedding.bias, tree.policy.hidden.bias, tree.value.hidden.bias),
        net,
        tuple(jnp.ones_like(layer.bias) for layer in units),
    )


@functools.cache
def make_stretch(memory="lstm"):
    @jax.jit
    def gather(net, key):
        started = start_lanes(RECALL, make_sampler(), net, CUES, key=key)
        return collect_lanes(RECALL, make_sampler(), net, started, steps=STEPS, key=key)

    return gather(make_net(memory), jax.random.key(1))


IMPROVE = eqx.filter_jit(lambda learner, stretch, key: improve(RECIPE, learner, stretch, key=key))


def arrays(tree):
    return jax.tree.leaves(eqx.filter(tree, eqx.is_array))


def is_same(one, other):
    pairs = zip(arrays(one), arrays(other), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


def slow_loss(recipe, logits, values, batch):
    """The loss row by row, in plain Python numbers."""
    policy, value, entropy, divergence, clipped, rows = 0.0, 0.0, 0.0, 0.0, 0, 0
    time, lanes = batch.action.shape
    acted = [(t, lane) for t in range(time) for lane in range(lanes) if batch.weight[t, lane]]
    raw = [float(batch.advantage[at]) for at in acted]
    for at, advantage in zip(acted, raw, strict=True):
        advantage = (advantage - np.mean(raw)) / (np.std(raw) + 1e-5)
        chances = np.exp(logits[at]) / np.exp(logits[at]).sum()
        ratio = chances[batch.action[at]] / np.exp(float(batch.log_prob[at]))
        if recipe.drift is None:
            bounded = min(max(ratio, 1 - recipe.clip), 1 + recipe.clip)
            policy -= min(ratio * advantage, bounded * advantage)
        else:
            policy -= ratio * advantage - dpo(np.log(ratio), advantage)
        old, target = float(batch.value[at]), float(batch.target[at])
        near = old + min(max(values[at] - old, -recipe.clip), recipe.clip)
        value += max((values[at] - target) ** 2, (near - target) ** 2) / 2
        entropy -= (chances * np.log(chances)).sum()
        divergence += ratio * np.log(ratio) - ratio + 1
        clipped += abs(ratio - 1) > recipe.clip
        rows += 1
    means = [part / rows for part in (policy, value, entropy, divergence, clipped)]
    return means[0] + recipe.value * means[1] - recipe.entropy * means[2], means


def of_other_policy(batch):
    """Logits and values that are not those of the policy that acted; some ratios beyond the clip."""
    draw = np.random.default_rng(3)
    logits = draw.normal(size=(*batch.action.shape, 3))
    return logits, np.asarray(batch.value, float) + draw.normal(0, 0.4, batch.value.shape)


@functools.partial(jax.jit, static_argnames="recipe")
def fast_loss(logits, values, batch, recipe=RECIPE):
    ready = batch._replace(advantage=normalise(batch.advantage, batch.weight))
    return weigh(recipe, Opinion(logits, values), ready, jnp.sum(batch.weight))


@pytest.mark.parametrize("recipe", [RECIPE, DISCOVERED], ids=["clip", "dpo"])
def test_loss_of_a_batch_and_its_terms_are_those_of_plain_numbers(recipe):
    batch = make_batch(recipe, make_stretch())
    assert 0 < float(jnp.sum(batch.weight)) < batch.weight.size
    logits, values = of_other_policy(batch)
    total, losses = fast_loss(
        jnp.asarray(logits, jnp.float32), jnp.asarray(values, jnp.float32), batch, recipe
    )
    wanted, means = slow_loss(recipe, logits, values, batch)
    names = ("policy", "value", "entropy", "divergence", "clipped")
    np.testing.assert_allclose([getattr(losses, name) for name in names], means, rtol=1e-4)
    assert 0 < means[-1] < 1
    assert float(total) == pytest.approx(wanted, rel=1e-4)


def test_gradient_is_the_slope_of_the_loss_with_all_else_held_fixed():
    batch = make_batch(RECIPE, make_stretch())
    logits, values = of_other_policy(batch)
    by_logits, by_values = jax.jit(jax.grad(lambda *args: fast_loss(*args)[0], argnums=(0, 1)))(
        jnp.asarray(logits, jnp.float32), jnp.asarray(values, jnp.float32), batch
    )
    draw = np.random.default_rng(4)
    for _ in range(3):
        way, value_way = draw.normal(size=logits.shape), draw.normal(size=values.shape)
        ahead, behind = (
            slow_loss(RECIPE, logits + step * way, values + step * value_way, batch)[0]
            for step in (1e-6, -1e-6)
        )
        along = (np.asarray(by_logits) * way).sum() + (np.asarray(by_values) * value_way).sum()
        assert along == pytest.approx((ahead - behind) / 2e-6, rel=1e-3, abs=1e-5)


def test_last_rows_of_episodes_have_no_say():
    """Whatever the policy thinks there, loss and gradient are the same."""
    batch = make_batch(RECIPE, make_stretch())
    is_last = np.asarray(batch.weight) == 0
    logits, values = (jnp.asarray(part, jnp.float32) for part in of_other_policy(batch))
    slope = jax.jit(jax.value_and_grad(lambda *args: fast_loss(*args)[0], argnums=(0, 1)))
    total, gradients = slope(logits, values, batch)
    other, _ = slope(jnp.where(is_last[..., None], logits + 7, logits), values + 9 * is_last, batch)
    assert float(total) == float(other)
    for gradient in gradients:
        assert not np.asarray(gradient)[is_last].any()


def test_first_step_finds_the_policy_that_acted():
    """The memory is led through the rows as it was when acting: all ratios are 1."""
    _, report = IMPROVE(start_ppo(make_net(), RECIPE), make_stretch(), jax.random.key(0))
    losses = report.losses
    assert losses.policy.shape == (RECIPE.epochs, 1)
    assert float(losses.divergence[0, 0]) == pytest.approx(0, abs=1e-6)
    assert float(losses.policy[0, 0]) == pytest.approx(0, abs=1e-5)  # of advantages with mean 0
    assert float(losses.clipped[0, 0]) == 0
    assert (np.asarray(losses.divergence[1:]) > 0).all()
    assert (np.asarray(losses.gradient_norm) > 0).all()
    assert float(report.noise.spread) > 0


def test_explained_variance_is_that_of_the_rows_that_acted():
    batch = make_batch(RECIPE, make_stretch())
    acted = np.asarray(batch.weight) == 1
    target, value = np.asarray(batch.target)[acted], np.asarray(batch.value)[acted]
    wanted = 1 - np.var(target - value) / np.var(target)
    assert float(jax.jit(explain)(batch)) == pytest.approx(wanted, rel=1e-4)
    level = batch._replace(target=jnp.zeros_like(batch.target))
    assert np.isnan(jax.jit(explain)(level))


@pytest.mark.parametrize("memory", ["gru", "lstm", "s5"])
def test_one_update_moves_every_parameter(memory):
    net = make_net(memory)
    learner, report = IMPROVE(start_ppo(net, RECIPE), make_stretch(memory), jax.random.key(0))
    assert not np.asarray(report.losses.is_skipped).any()
    assert int(learner.updates) == RECIPE.epochs
    for old, new in zip(arrays(net), arrays(learner.net), strict=True):
        assert (np.asarray(old) != np.asarray(new)).all()


def test_minibatches_are_of_whole_lanes_each_of_them_once():
    """Nothing is learned here at a rate of 0, so the losses of two halves are those of their rows."""
    recipe = RECIPE._replace(epochs=1, minibatches=2, learning_rate=0.0)
    learner, stretch, key = start_ppo(make_net(), recipe), make_stretch(), jax.random.key(5)
    _, report = eqx.filter_jit(improve)(recipe, learner, stretch, key=key)
    batch = make_batch(recipe, stretch)
    errors = np.asarray(batch.weight * (batch.value - batch.target) ** 2).sum(axis=0)
    rows = np.asarray(batch.weight).sum(axis=0)
    wanted = [
        errors[list(half)].sum() / rows[list(half)].sum() / 2
        for half in itertools.combinations(range(LANES), LANES // 2)
    ]
    got = np.asarray(report.losses.value)[0]
    # Pairs of halves that make up the whole stand first and last, and so on inwards.
    assert any(
        np.allclose(sorted(got), sorted(pair), rtol=1e-4)
        for pair in zip(wanted[:3], wanted[:2:-1], strict=True)
    )


def test_minibatches_that_do_not_divide_the_lanes_are_refused():
    recipe = RECIPE._replace(minibatches=3)
    with pytest.raises(UsageError, match="minibatches=3 do not divide lanes=4"):
        improve(recipe, start_ppo(make_net(), recipe), make_stretch(), key=jax.random.key(0))


def test_same_key_gives_the_same_bits():
    learner = start_ppo(make_net(), RECIPE)
    first, again = (IMPROVE(learner, make_stretch(), jax.random.key(6)) for _ in range(2))
    assert is_same(first, again)


@pytest.mark.parametrize("reward", [jnp.nan, jnp.inf, 1e6])
def test_update_that_cannot_be_trusted_is_skipped_and_counted(reward):
    learner, stretch = start_ppo(make_net(), RECIPE), make_stretch()
    bad = eqx.tree_at(lambda tree: tree.rows.reward, stretch, stretch.rows.reward.at[:].set(reward))
    kept, report = IMPROVE(learner, bad, jax.random.key(0))
    assert np.asarray(report.losses.is_skipped).all()
    assert is_same(kept.net, learner.net)
    assert is_same(kept.optimiser, learner.optimiser)
    assert [int(kept.updates), int(kept.skipped), int(kept.in_a_row)] == [3, 3, 3]
    for _ in range(3):
        kept, _ = IMPROVE(kept, bad, jax.random.key(0))
    stopped, _ = IMPROVE(kept, stretch, jax.random.key(0))
    assert is_same(stopped.net, learner.net), "after ten in a row somebody has to look"
    made, report = IMPROVE(learner, stretch, jax.random.key(0))
    assert not np.asarray(report.losses.is_skipped).any()
    assert int(made.in_a_row) == 0


def test_learning_rate_falls_along_a_line_to_0():
    """Adam's steps on a constant gradient are as long as the learning rate."""
    optimiser = make_ppo_optimiser(PpoRecipe(learning_rate=0.1, annealed_over=4))
    state, steps = optimiser.init(jnp.zeros(1)), []
    for _ in range(6):
        change, state = optimiser.update(jnp.ones(1), state, jnp.zeros(1))
        steps.append(-float(change[0]))
    np.testing.assert_allclose(steps, [0.1, 0.075, 0.05, 0.025, 0, 0], rtol=1e-3, atol=1e-9)


def test_gradient_is_clipped_by_its_norm_before_adam():
    optimiser = make_ppo_optimiser(PpoRecipe(gradient_clip=0.5))
    state = optimiser.init(jnp.zeros(2))
    _, state = optimiser.update(jnp.array([30.0, 40.0]), state, jnp.zeros(2))
    moments = [leaf for leaf in jax.tree.leaves(state) if leaf.shape == (2,)]
    np.testing.assert_allclose(moments[0], 0.1 * 0.5 * np.array([0.6, 0.8]), rtol=1e-5)


def train(world, net, levels, recipe, updates, seed):
    """Collect and improve in turns; the share of episodes solved in each stretch."""
    key_start, key = jax.random.split(jax.random.key(seed))
    lanes = start_lanes(world, make_sampler(), net, levels, key=key_start)
    learner = start_ppo(net, recipe)
    moving, static = eqx.partition((learner, lanes), eqx.is_array)

    def turn(moving, key):
        key_collect, key_improve = jax.random.split(key)
        learner, lanes = eqx.combine(moving, static)
        stretch: Stretch = collect_lanes(
            world, make_sampler(), learner.net, lanes, steps=recipe.steps, key=key_collect
        )
        learner, _ = improve(recipe, learner, stretch, key=key_improve)
        tried = jnp.maximum(jnp.sum(stretch.attempts.ended), 1)
        moving = eqx.filter((learner, stretch.lanes), eqx.is_array)
        return moving, jnp.sum(stretch.attempts.solved) / tried

    return np.asarray(
        jax.jit(lambda moving, keys: jax.lax.scan(turn, moving, keys)[1])(
            moving, jax.random.split(key, updates)
        )
    )


def test_cue_is_remembered_for_as_long_as_it_takes():
    """By a GRU, with DPO's drift. Nobody without a memory is right more often than every second time."""
    net = ActorCritic(
        (3,), 3, memory="gru", width=16, layers=1, embed=8, head=16, key=jax.random.key(0)
    )
    recipe = PpoRecipe(
        lanes=16, steps=20, learning_rate=1e-2, entropy=0.01, trace=0.95, drift=make_dpo()
    )
    cues = jnp.arange(16, dtype=jnp.int32) % 2
    solved = train(RECALL, net, cues, recipe, 60, seed=0)
    assert solved[:5].mean() < 0.5
    assert solved[-5:].mean() > 0.95


def test_goals_of_a_room_are_found():
    """5 x 5 cells, the goal in another place for every lane, seen only when it is near and ahead."""
    rooms = []
    for place in range(16):
        cells = [["."] * 5 for _ in range(5)]
        cells[2][2] = "^v"[place % 2]
        ring = [(0, c) for c in range(5)] + [(r, 4) for r in range(1, 5)]
        ring += [(4, c) for c in range(3, -1, -1)] + [(r, 0) for r in range(3, 0, -1)]
        row, column = ring[place]
        cells[row][column] = "G"
        rooms.append(from_text("\n".join("".join(line) for line in cells), step_limit=20))
    levels = pack_maze(jax.tree.map(lambda *leaves: jnp.stack(leaves), *rooms))
    net = ActorCritic((5, 5), 3, width=32, embed=32, head=32, codes=31, key=jax.random.key(0))
    recipe = PpoRecipe(lanes=16, steps=64, learning_rate=3e-3, entropy=0.01)
    solved = train(make_maze(), net, levels, recipe, 40, seed=0)
    assert solved[:3].mean() < 0.6
    assert solved[-3:].mean() > 0.95

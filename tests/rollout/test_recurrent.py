import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.nets.actor_critic import ActorCritic
from alpha_factory.rollout.recurrent import collect_lanes, make_sampler, start_lanes
from alpha_factory.worlds import cartpole_level, from_text, make_cartpole
from reference.engine import WORLD, take
from reference.grid import Episode, read_level

pytestmark = pytest.mark.usefixtures("quick_compilation")

LANES, STEPS = 4, 60
RULES = ("in turns of 3 steps: left and right swap", "in turns of 2 steps: fog falls")


@jax.jit
def gather(net, lanes, key):
    return collect_lanes(WORLD, make_sampler(), net, lanes, steps=STEPS, key=key)


@pytest.fixture(scope="module")
def levels():
    """Lanes 0 and 3 have the same level."""
    easy = from_text(">G\n..", step_limit=5)
    made = [
        easy,
        from_text(">T.\n..G", step_limit=9, dense=0.4, penalty=0.5),
        from_text("^.K\n##D\n.G.", step_limit=40, rules=RULES),
        easy,
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *made)


@pytest.fixture(scope="module")
def net():
    net = ActorCritic((1024,), 3, width=8, embed=6, head=5, key=jax.random.key(0))
    # A policy that isn't uniform, so that the chance of each action tells which one it is of.
    noise = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: leaf + jnp.asarray(noise.normal(0, 0.1, leaf.shape), leaf.dtype), net
    )


@pytest.fixture(scope="module")
def stretches(levels, net):
    """Two stretches of rows, the second from where the first one ended."""
    start = jax.jit(lambda levels, key: start_lanes(WORLD, make_sampler(), net, levels, key=key))
    first = gather(net, start(levels, jax.random.key(0)), jax.random.key(1))
    return first, gather(net, first.lanes, jax.random.key(2))


@pytest.fixture(scope="module")
def rows(stretches):
    both = [stretch.rows for stretch in stretches]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *both)


@pytest.fixture(scope="module")
def episodes(levels, rows):
    """Each lane replayed by the slow simulator on the level it was given, episode after episode."""
    played = []
    for lane in range(LANES):
        level = read_level(take(levels, lane))
        episode, total = None, 0.0
        for time in range(2 * STEPS):
            assert rows.is_reset[time, lane] == (episode is None)
            if episode is None:
                episode, total = Episode(level), 0.0
            np.testing.assert_array_equal(rows.obs[time, lane], episode.observe())
            assert rows.is_last[time, lane] == episode.is_over
            ends = (rows.is_terminated[time, lane], rows.is_truncated[time, lane])
            if episode.is_over:
                assert (rows.reward[time, lane], *ends) == (0, False, False)
                episode = None
                continue
            reward, is_terminated, is_truncated, is_solved = episode.step(
                int(rows.action[time, lane])
            )
            total += reward
            assert rows.reward[time, lane] == pytest.approx(reward, abs=1e-5)
            assert ends == (is_terminated, is_truncated)
            if is_terminated or is_truncated:
                played.append((time, lane, total, is_solved, is_truncated))
    return played


def test_every_episode_of_a_lane_is_of_its_level(episodes):
    """The slow simulator, told the lane's level alone, sees what the lane saw in all its rows."""
    lanes = [lane for _, lane, *_ in episodes]
    assert min(np.bincount(lanes, minlength=LANES)) >= 2
    assert {solved for *_, solved, _ in episodes} == {False, True}
    assert {truncated for *_, truncated in episodes} == {False, True}


@pytest.mark.parametrize("stretch", [0, 1])
def test_attempts_are_those_of_the_replayed_episodes(stretches, episodes, stretch):
    attempts = stretches[stretch].attempts
    ended, solved, total = np.zeros((3, LANES))
    best = np.full(LANES, -np.inf)
    for time, lane, brought, is_solved, _ in episodes:
        if time // STEPS == stretch:
            ended[lane] += 1
            solved[lane] += is_solved
            total[lane] += brought
            best[lane] = max(best[lane], brought)
    assert attempts.ended.tolist() == ended.tolist()
    assert attempts.solved.tolist() == solved.tolist()
    np.testing.assert_allclose(attempts.total, total, atol=1e-4)
    np.testing.assert_allclose(attempts.best, best, atol=1e-4)
    assert int(attempts.frames) == int((~stretches[stretch].rows.is_last).sum())


def test_policy_and_values_are_those_of_one_lane_stepped_alone(net, stretches, rows):
    """With a memory that is begun anew where an episode is, and goes on from stretch to stretch."""
    step = jax.jit(lambda obs, carry: net.step(obs, jnp.zeros(1, bool), carry))
    for lane in (1, 2):
        carry = net.start(1)
        for time in range(2 * STEPS):
            if time == STEPS:
                np.testing.assert_allclose(stretches[1].carry[lane], carry[0], atol=1e-5)
            if rows.is_reset[time, lane]:
                carry = net.start(1)
            opinion, carry = step(jnp.asarray(rows.obs[time, lane])[None], carry)
            chances = jax.nn.softmax(opinion.logits[0])
            np.testing.assert_allclose(rows.policy[time, lane], chances, atol=1e-5)
            np.testing.assert_allclose(rows.value[time, lane], opinion.value[0], atol=1e-5)
            if time == STEPS:
                np.testing.assert_allclose(
                    stretches[0].last_value[lane], opinion.value[0], atol=1e-5
                )


def test_actions_are_drawn_from_the_policy():
    """At the first rows of many lanes, all alike but for noise that the policy hardly sees."""
    lanes, world = 4000, make_cartpole()
    net = ActorCritic((4,), 2, width=4, embed=4, head=4, key=jax.random.key(1))
    net = eqx.tree_at(lambda tree: tree.policy.out.bias, net, jnp.array([0.0, 1.0]))
    level = jax.tree.map(lambda leaf: jnp.repeat(leaf, lanes), cartpole_level())
    player = make_sampler()
    started = start_lanes(world, player, net, level, key=jax.random.key(0))
    rows = jax.jit(
        lambda lanes: collect_lanes(world, player, net, lanes, steps=1, key=jax.random.key(3)).rows
    )(started)
    is_right = np.asarray(rows.action[0]) == 1
    chance = np.asarray(rows.policy[0])[is_right, 1].mean()
    wanted, counts = lanes * chance, np.bincount(is_right)
    assert chance == pytest.approx(1 / (1 + np.exp(-1)), abs=0.01)
    assert stats.chisquare(counts, [lanes - wanted, wanted]).pvalue > 1e-3


def test_same_key_gives_the_same_rows(net, stretches):
    again = gather(net, stretches[0].lanes, jax.random.key(2))
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(stretches[1]), strict=True):
        np.testing.assert_array_equal(one, other)

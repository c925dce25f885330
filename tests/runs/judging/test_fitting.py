"""What is looked at before anyone's policy plays: shapes, memory, values that there are none of yet.

What is said of memory is compared with what the scorer does, in a world of nothing but time, which compiles at once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Outcome, Plan, Player, World
from alpha_factory.evaluate import Scorer
from alpha_factory.runs.judging.guest import Guest, adapt_guest

LANES = 6
LEVELS = jnp.array([3, 40])  # steps until the end


class Clock(NamedTuple):
    time: Array
    is_terminated: Array
    is_truncated: Array


def begin(level, *, key):
    return Clock(jnp.int32(0), jnp.bool_(False), jnp.bool_(False))


def advance(level, state, action, *, key):
    time = jnp.where(state.is_truncated, state.time, state.time + 1)
    is_over, no = time >= level, jnp.bool_(False)
    return Clock(time, no, is_over), Outcome(jnp.float32(0), no, is_over, no)


WORLD = World(
    reset=begin,
    step=advance,
    observe=lambda level, state: jnp.full((5, 5), state.time),
    actions=3,
    features=25,
)


def adapt(policy):
    return adapt_guest("library:act", Guest(policy, None), WORLD, LEVELS, lanes=LANES)


def remember(start, following):
    """A player that turns left and remembers `start(worlds)`, then `following(carry, worlds)`."""

    def act(params, obs, is_first, carry, *, key):
        return jnp.zeros(obs.shape[0], jnp.int32), following(carry, obs.shape[0])

    return Player(start=lambda params, worlds: start(worlds), act=act)


CHANGED = {
    "wider": (
        remember(lambda n: jnp.zeros((n, 4)), lambda _, n: jnp.zeros((n, 5))),
        r"carry: start gave shape \(6, 4\) and type float32, act gave shape \(6, 5\) and type float32",
    ),
    "gone": (
        remember(lambda n: jnp.zeros((n, 4)), lambda _, n: None),
        r"carry: start gave shape \(6, 4\) and type float32, act gave None",
    ),
    "come": (
        remember(lambda n: None, lambda _, n: jnp.zeros(n)),
        r"carry: start gave None, act gave shape \(6,\) and type float32",
    ),
    "type": (
        remember(lambda n: jnp.zeros(n, jnp.int32), lambda _, n: jnp.zeros(n)),
        r"carry: start gave shape \(6,\) and type int32, act gave shape \(6,\) and type float32",
    ),
    "python-number": (
        remember(lambda n: 0.5, lambda _, n: jnp.zeros((), jnp.int32)),
        r"carry: start gave shape \(\) and type float32, act gave shape \(\) and type int32",
    ),
    "python-bool": (
        remember(lambda n: False, lambda _, n: jnp.zeros((), jnp.int32)),
        r"carry: start gave shape \(\) and type bool, act gave shape \(\) and type int32",
    ),
    "key": (
        remember(lambda n: 0, lambda _, n: jax.random.key(0)),
        r"carry: start gave shape \(\) and type int32, act gave shape \(\) and type key<fry>",
    ),
    "past-a-number": (
        remember(lambda n: (0, jnp.zeros(n)), lambda _, n: (jnp.float32(0), jnp.zeros(n + 1))),
        r"carry\[1\]: start gave shape \(6,\) and type float32, act gave shape \(7,\) and type float32\.",
    ),
    "entry": (
        remember(lambda n: {"h": jnp.zeros(n), "c": jnp.zeros(n)}, lambda c, n: {"h": c["h"]}),
        r"carry\['c'\]: start gave shape \(6,\) and type float32, act gave nothing",
    ),
    "two": (
        remember(lambda n: [jnp.zeros(n), jnp.zeros(n)], lambda _, n: [jnp.zeros(2)] * 2),
        r"carry\[0\]: .*act gave shape \(2,\) and type float32; and so in 1 more places",
    ),
    "structure": (
        remember(lambda n: (jnp.zeros(n),), lambda carry, n: [*carry]),
        r"start gave PyTreeDef\(\(\*,\)\), act gave PyTreeDef\(\[\*\]\)",
    ),
    "no array": (
        remember(lambda n: "north", lambda carry, n: carry),
        "carry is a str, neither an array nor a number",
    ),
    "function": (
        remember(lambda n: [max, jnp.zeros(n)], lambda carry, n: carry),
        r"carry\[0\] is a builtin_function_or_method, neither",
    ),
}

KEPT = {
    "scalar": remember(lambda n: jnp.int32(0), lambda carry, n: carry + 1),
    "python-number": remember(lambda n: 0, lambda carry, n: carry + 1),
    "python-number-that-becomes-a-fraction": remember(lambda n: 0, lambda carry, n: carry + 0.5),
    "python-number-that-becomes-a-byte": remember(lambda n: 0, lambda _, n: jnp.uint8(1)),
    "bool": remember(lambda n: False, lambda carry, n: ~carry),
    "numpy": remember(lambda n: np.zeros(n), lambda carry, n: carry + 1),
    "weak": remember(lambda n: jnp.full(n, 0), lambda carry, n: jnp.zeros(n, jnp.int32)),
    "weak-that-becomes-a-fraction": remember(
        lambda n: jnp.full(n, 0), lambda carry, n: jnp.full(n, 0.5, jnp.float32) + carry
    ),
    "weak-afterwards": remember(
        lambda n: jnp.zeros(n, jnp.float32), lambda carry, n: jnp.full(n, 0.5)
    ),
    "key": remember(lambda n: jax.random.key(0), lambda carry, n: jax.random.split(carry, 2)[0]),
    "none-inside": remember(
        lambda n: {"h": None, "c": jnp.zeros((n, 2))}, lambda carry, n: dict(carry)
    ),
}


def score(policy):
    """Beyond one stretch of the scorer's, so that what is remembered goes in and out."""
    scorer = Scorer(WORLD, policy, lanes=LANES)
    return scorer.score(None, LEVELS, episodes=4, key=jax.random.key(0))


@pytest.mark.parametrize("case", CHANGED)
def test_memory_that_changes_is_refused_with_both_shapes_as_the_scorer_would_fail(case):
    player, said = CHANGED[case]
    with pytest.raises((TypeError, ValueError)):
        score(player._replace(act=planned(player.act)))
    with pytest.raises(UsageError, match=said) as refused:
        adapt(player)
    assert "library:act" in str(refused.value)


def planned(act):
    """As `adapt_guest` makes a plan of an action, without its checks."""

    def plan(params, obs, is_first, carry, *, key):
        action, carry = act(params, obs, is_first, carry, key=key)
        worlds = obs.shape[0]
        return Plan(action, jnp.zeros((worlds, 3)), jnp.zeros(worlds)), carry

    return plan


@pytest.mark.parametrize("case", KEPT)
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
def test_memory_that_the_scorer_can_keep_is_taken(case):
    assert score(adapt(KEPT[case])).steps.tolist() == [[3] * 4, [40] * 4]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda worlds: jnp.zeros(worlds, jnp.int32), r"returned shape \(6,\) and type int32"),
        (lambda worlds: None, "returned None"),
        (lambda worlds: "north", "returned a str"),
        (lambda worlds: (jnp.zeros(worlds), None, None), "returned a tuple of 3"),
        (lambda worlds: Plan(jnp.zeros(worlds, jnp.int32), None, None), "returned a Plan"),
    ],
)
def test_player_that_returns_no_pair_is_told_what_it_returned(returned, said):
    def act(params, obs, is_first, carry, *, key):
        return returned(obs.shape[0])

    with pytest.raises(UsageError, match=rf"act of library:act {said}, no \(plan, carry\)\."):
        adapt(Player(start=lambda params, worlds: None, act=act))


def test_player_that_fails_to_start_is_told_so():
    def start(params, worlds):
        raise ValueError(f"no memory of {worlds}")

    said = r"start of library:act failed on params and worlds=6: ValueError: no memory of 6\. A Player is"
    with pytest.raises(UsageError, match=said):
        adapt(Player(start=start, act=None))


def act_in_numpy(params, obs, *, key):
    return np.asarray(obs).argmax(axis=(1, 2))


def act_by_if(params, obs, *, key):
    return jnp.zeros(len(obs), int) if obs.sum() > 3 else jnp.ones(len(obs), int)


def act_by_int(params, obs, *, key):
    return np.full(len(obs), int(obs.sum()) % 3)


def act_by_index(params, obs, *, key):
    return np.full(len(obs), range(999)[obs.sum()] % 3)


def act_by_mask(params, obs, *, key):
    return obs[obs > 0]


def act_by_draw(params, obs, *, key):
    return np.random.default_rng(key).integers(0, 3, len(obs))


def act_as_torch(params, obs, *, key):
    return obs.numpy()


@pytest.mark.parametrize(
    "act",
    [
        act_in_numpy,
        act_by_if,
        act_by_int,
        act_by_index,
        act_by_mask,
        act_by_draw,
        act_as_torch,
    ],
)
def test_policy_that_wants_values_is_shown_the_host_in_few_words(act):
    with pytest.raises(UsageError, match=r"asks for values .*Give --host") as refused:
        adapt(act)
    told = str(refused.value)
    assert len(told) < 400
    assert "\n" not in told
    assert "docs.jax.dev" not in told


def test_player_that_wants_values_is_not_sent_to_the_host():
    def act(params, obs, is_first, carry, *, key):
        return np.asarray(obs)[:, 0, 0], carry

    with pytest.raises(UsageError, match=r"asks for values .*can't be called with --host"):
        adapt(Player(start=lambda params, worlds: None, act=act))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no weights"), r"ValueError: no weights\. A policy"),
        (ValueError("no weights.\n"), r"ValueError: no weights\. A policy"),
        (ValueError("which weights?"), r"ValueError: which weights\? A policy"),
        (AssertionError(), r"AssertionError\. A policy"),
    ],
)
@pytest.mark.parametrize("is_on_host", [False, True])
def test_error_of_a_policy_is_one_sentence_before_the_next(error, said, is_on_host):
    def act(params, obs, *, key):
        raise error

    with pytest.raises(UsageError, match=said):
        adapt_guest(
            "library:act", Guest(act, None), WORLD, LEVELS, lanes=LANES, is_on_host=is_on_host
        )

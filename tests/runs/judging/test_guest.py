"""Policies from anyone's library: what is taken, and what is said of the rest."""

import re
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Plan, Player
from alpha_factory.evaluate import make_random, stack_levels
from alpha_factory.runs.judging.guest import Guest, adapt_guest, load_guest
from alpha_factory.runs.judging.target import GuestTarget
from alpha_factory.worlds import from_text, make_grid

WORLD = make_grid(observation="view")
LANES = 6


@pytest.fixture(scope="module")
def levels():
    return stack_levels([from_text(">G", side=4), from_text(">.G", side=4)])


@pytest.fixture
def library(monkeypatch):
    """A function that puts names into the module `library`."""

    def fill(**names):
        module = types.ModuleType("library")
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, "library", module)

    return fill


def forward(params, obs, *, key):
    del params, key
    return jnp.full(obs.shape[0], 2, jnp.uint8)


def adapt(policy, levels, params=None):
    return adapt_guest("library:act", Guest(policy, params), WORLD, levels, lanes=LANES)


def play(player, params=None):
    """What it plans in the first step and, with nothing new to see, in the next."""
    obs, is_first = jnp.zeros((LANES, 5, 5), jnp.uint8), jnp.ones(LANES, bool)

    @jax.jit
    def two_steps(params, key):
        plan, carry = player.act(params, obs, is_first, player.start(params, LANES), key=key)
        return plan, player.act(params, obs, ~is_first, carry, key=key)[0]

    return two_steps(params, jax.random.key(0))


def test_policy_is_imported_by_name(library):
    library(act=forward)
    assert load_guest(GuestTarget("library", "act")) == Guest(forward, None)


def test_module_is_found_in_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "of_a_friend.py").write_text("def act(params, obs, *, key):\n    return obs\n")
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.chdir(tmp_path)
    guest = load_guest(GuestTarget("of_a_friend", "act"))
    assert guest.policy(None, 5, key=None) == 5


@pytest.mark.parametrize("made", [forward, (forward, None), (forward, {"weights": 3})])
def test_function_without_arguments_makes_the_policy(made, library):
    library(make=lambda: made)
    guest = load_guest(GuestTarget("library", "make"))
    assert guest.policy is forward
    assert guest.params == (made[1] if isinstance(made, tuple) else None)


def test_action_alone_becomes_a_plan(levels):
    plan, _ = play(adapt(forward, levels))
    assert plan.action.tolist() == [2] * LANES
    assert plan.action.dtype == jnp.int32
    assert plan.policy.shape == (LANES, WORLD.actions)


def test_plan_and_params_are_passed_on(levels):
    def act(params, obs, *, key):
        return make_random(3)(None, obs, key=key)._replace(value=jnp.full(obs.shape[0], params))

    plan, _ = play(adapt(act, levels, jnp.float32(0.5)), jnp.float32(0.5))
    assert plan.value.tolist() == [0.5] * LANES


def turn_about(params, obs, is_first, carry, *, key):
    """Left and right in turns."""
    turn = jnp.where(is_first, 0, carry)
    return turn, 1 - turn


ALTERNATE = Player(start=lambda params, worlds: jnp.full(worlds, 9), act=turn_about)


def test_policy_that_remembers_is_a_player(library, levels):
    library(act=ALTERNATE)
    guest = load_guest(GuestTarget("library", "act"))
    first, second = play(adapt_guest("library:act", guest, WORLD, levels, lanes=LANES))
    assert first.action.tolist() == [0] * LANES
    assert second.action.tolist() == [1] * LANES


def test_policy_that_remembers_is_not_called_on_the_host(levels):
    with pytest.raises(UsageError, match=r"is a Player.*Leave --host out"):
        adapt_guest(
            "library:act", Guest(ALTERNATE, None), WORLD, levels, lanes=LANES, is_on_host=True
        )


def test_module_that_fails_to_import_is_named_with_its_error(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('no GPU today')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(UsageError, match=r"broken_library .* RuntimeError: no GPU today"):
        load_guest(GuestTarget("broken_library", "act"))
    with pytest.raises(UsageError, match=r"not_installed_at_all .* ModuleNotFoundError"):
        load_guest(GuestTarget("not_installed_at_all", "act"))


def leave(*_, **__):
    sys.exit(0)  # as a script does that is imported


def test_module_that_leaves_when_it_is_imported_is_named(tmp_path, monkeypatch):
    (tmp_path / "leaving_library.py").write_text("import sys\n\nsys.exit(0)\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(UsageError, match=r"leaving_library can't be imported: SystemExit: 0"):
        load_guest(GuestTarget("leaving_library", "act"))


@pytest.mark.parametrize("is_on_host", [False, True])
def test_policy_that_leaves_when_it_is_tried_is_named(is_on_host, levels):
    guest = Guest(leave, None)
    with pytest.raises(UsageError, match=r"library:act failed on obs .*SystemExit: 0"):
        adapt_guest("library:act", guest, WORLD, levels, lanes=LANES, is_on_host=is_on_host)


def test_unknown_name_is_refused_with_the_choices(library):
    library(act=forward, _own=forward, number=3)
    with pytest.raises(UsageError, match=r"Did you mean 'act'\? Choices: act\."):
        load_guest(GuestTarget("library", "acts"))


def fail():
    raise ValueError("no weights")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (3, "is no function but int"),
        (lambda: 3, "gave no policy but int"),
        (fail, "failed to make a policy: ValueError: no weights"),
        (lambda: leave(), r"failed to make a policy: SystemExit: 0\."),
    ],
)
def test_what_is_no_policy_is_refused(found, said, library):
    library(act=found)
    with pytest.raises(UsageError, match=said):
        load_guest(GuestTarget("library", "act"))


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda worlds: jnp.zeros((worlds, 3)), r"action of shape \(6, 3\) .*wanted shape \(6,\)"),
        (lambda worlds: jnp.zeros(worlds), r"type float32; wanted shape \(6,\), integers"),
        (lambda worlds: "north", "returned str as action"),
        (
            lambda worlds: Plan(
                jnp.zeros(worlds, jnp.int32), jnp.zeros((worlds, 4)), jnp.zeros(worlds)
            ),
            r"policy of shape \(6, 4\) .*wanted shape \(6, 3\)",
        ),
        (
            lambda worlds: Plan(
                jnp.zeros(worlds, jnp.int32), jnp.zeros((worlds, 3)), jnp.zeros((worlds, 1))
            ),
            r"value of shape \(6, 1\) .*wanted shape \(6,\)",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_wrong_shape_is_refused_with_both(returned, said, levels):
    with pytest.raises(UsageError, match=said) as refused:
        adapt(lambda params, obs, *, key: returned(obs.shape[0]), levels)
    assert "obs of shape (6, 5, 5) and type uint8" in str(refused.value)


def test_policy_for_other_observations_is_refused_with_what_it_said(levels):
    weights = jnp.ones((1024, 3))

    def act(params, obs, *, key):
        return jnp.argmax(obs.astype(jnp.float32) @ weights, axis=1)

    with pytest.raises(UsageError, match=r"failed on obs of shape \(6, 5, 5\) .*1024"):
        adapt(act, levels)


def test_policy_on_the_host_is_tried_on_numpy_arrays(levels):
    def act(params, obs, *, key):
        assert (type(obs), key) == (np.ndarray, 0)
        return np.zeros((len(obs), 3), int)

    with pytest.raises(UsageError, match=r"action of shape \(6, 3\) .*wanted shape \(6,\)"):
        adapt_guest("library:act", Guest(act, None), WORLD, levels, lanes=LANES, is_on_host=True)


def counting():
    """A policy that counts its own calls in Python."""
    calls = []

    def act(params, obs, *, key):
        calls.append(1)
        return jnp.full(obs.shape[0], len(calls) % 3, jnp.int32)

    return act


def hoarding():
    """One that keeps an array from one call to the next."""
    kept = []

    def act(params, obs, *, key):
        kept.append(obs[:, 0, 0].astype(jnp.int32))
        return sum(kept) % 3

    return act


def nesting():
    """One whose state is in a program within its own."""
    kept = np.zeros(LANES, np.int32)

    def act(params, obs, *, key):
        kept[:] += 1
        now = kept.copy()
        return jax.jit(lambda: jnp.asarray(now) % 3)()

    return act


@pytest.mark.parametrize("make", [counting, hoarding, nesting])
def test_state_kept_in_python_is_refused(make, levels):
    """Compiled, such a policy would be the same at every step, whatever it was."""
    with pytest.raises(UsageError, match=r"keeps state in Python.*carry of a Player.*--host"):
        adapt(make(), levels)


def test_policy_with_weights_of_its_own_keeps_no_state(levels):
    weights, table = jnp.arange(3.0), np.arange(3, dtype=np.float32)

    @jax.jit
    def act(params, obs, *, key):
        noise = jax.random.uniform(key, (obs.shape[0], 3))
        return jnp.argmax(noise + (weights + table)[None], axis=1).astype(jnp.int32)

    assert play(adapt(act, levels))[0].action.shape == (LANES,)


@pytest.mark.parametrize("action", [-1, 3, 99])
def test_action_that_there_is_not_stops_the_play(action, levels):
    player = adapt(lambda params, obs, *, key: jnp.full(obs.shape[0], action), levels)
    with pytest.raises(RuntimeError, match="returned an action that there is not; wanted 0 to 2"):
        play(player)


def test_what_a_plan_says_beside_its_action_may_be_anything(levels):
    """Nothing here goes by it, so not even NaN does harm."""

    def act(params, obs, *, key):
        none = jnp.full(obs.shape[0], jnp.nan)
        return Plan(jnp.full(obs.shape[0], 2), jnp.full((obs.shape[0], 3), jnp.nan), none)

    assert play(adapt(act, levels))[0].action.tolist() == [2] * LANES


def only_at_first(then):
    """On the host: two actions as they should be, one to be tried by, and then something else."""
    calls = []

    def act(params, obs, *, key):
        calls.append(1)
        return np.zeros(len(obs), int) if len(calls) <= 2 else then(len(obs))

    return act


def raise_error(worlds):
    raise ZeroDivisionError("no more weights")


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (lambda worlds: np.zeros(worlds + 1, int), r"action of shape \(7,\) .*wanted shape \(6,\)"),
        (lambda worlds: np.full(worlds, np.nan), r"type float64; wanted shape \(6,\), integers"),
        (lambda worlds: np.full(worlds, 2**32 + 1), "an action that there is not; wanted 0 to 2"),
        (lambda worlds: np.array(["north"] * worlds), r"type <U5; wanted shape \(6,\), integers"),
        (raise_error, "failed on obs .*ZeroDivisionError: no more weights"),
        (leave, "failed on obs .*SystemExit: 0"),
    ],
)
def test_what_goes_wrong_on_the_host_in_the_middle_is_kept_in_words(then, said, levels):
    failures = []
    player = adapt_guest(
        "library:act",
        Guest(only_at_first(then), None),
        WORLD,
        levels,
        lanes=LANES,
        is_on_host=True,
        failures=failures,
    )
    with pytest.raises(RuntimeError):
        jax.block_until_ready(play(player))
    assert re.search(said, failures[0])

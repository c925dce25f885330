"""A policy from anyone's library: imported by name, checked (`fitting`) before anything is played, and made a player.

The contract is that of every policy here, `policy(params, obs, *, key) -> Plan`, for a batch of worlds and written in
JAX, since it is compiled together with the worlds. The action alone will do for a `Plan`. One that remembers is a
`Player`. What needs no arguments is a function that makes the policy: it is called once, and gives the policy, or the
policy and its params.

Nothing that a policy does is let pass in silence. Shapes, types and state kept in Python are looked at beforehand; an
action that there is not, and whatever goes wrong on the host, stops the evaluation at the step where it happens. Of a
`Plan`, only the action decides anything here: what its policy and value hold, NaN included, is the policy's business.
"""

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, PRNGKeyArray

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.core.types import Level, Params, Plan, Player, Policy, World
from alpha_factory.runs.judging.fitting import (
    CONTRACT,
    FAILURES,
    check_compiled,
    check_on_host,
    check_part,
    tell_failure,
    tell_observations,
    with_memory,
)
from alpha_factory.runs.judging.target import GuestTarget


class Guest(NamedTuple):
    """Who plays."""

    policy: Policy | Player
    params: Params


def load_guest(target: GuestTarget) -> Guest:
    """Import a policy; modules are also looked for in the working directory, as `python -m` does.

    Raises:
        UsageError: the module can't be imported, which the message explains; it has no such name; or the name
            stands for nothing that can be called.
    """
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109  # sys.path holds text
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(target.module)
    except FAILURES as error:
        raise UsageError(
            f"Module {target.module} can't be imported: {tell_failure(error)}"
        ) from error
    if not hasattr(module, target.name):
        public = [name for name, value in vars(module).items() if _is_offered(name, value)]
        raise unknown(f"policy in {target.module}", target.name, public)
    found = getattr(module, target.name)
    if not _can_play(found):
        raise UsageError(f"{target} is no function but {type(found).__name__}. {CONTRACT}")
    made = _make(target, found) if callable(found) and _needs_nothing(found) else found
    policy, params = made if type(made) is tuple and len(made) == 2 else (made, None)
    if not _can_play(policy):
        raise UsageError(f"{target} gave no policy but {type(policy).__name__}. {CONTRACT}")
    return Guest(policy, params)


def adapt_guest(
    name: str,
    guest: Guest,
    world: World,
    levels: Level,
    *,
    lanes: int,
    is_on_host: bool = False,
    failures: list[str] | None = None,
    is_interrupted: Callable[[], bool] = lambda: False,
) -> Player:
    """The guest as a player of ours, known to fit the world.

    Args:
        name: for messages.
        levels: stacked; one of them is looked at.
        lanes: worlds in a batch.
        is_on_host: call it once a step outside the compiled program, as PyTorch and NumPy need it: with observations
            as a NumPy array and, as `key`, a whole number below 2**32. It returns the action of each world.
        failures: takes up, in words, what goes wrong on the host while it plays; JAX raises an error of its own.
        is_interrupted: asked on the host after every step; yes ends the program with an error of JAX.

    Raises:
        UsageError: it does not fit, as `check_compiled` and `check_on_host` say.
    """
    if is_on_host and isinstance(guest.policy, Player):
        raise UsageError(
            f"{name} is a Player, whose memory is an array between two compiled steps. Leave --host out."
        )
    noted: list[str] = [] if failures is None else failures
    policy: Callable[..., Any] | Player = guest.policy
    if is_on_host:
        policy = _move_to_host(name, guest, noted, is_interrupted, actions=world.actions)
    asked = with_memory(policy)

    def act(
        params: Params, obs: Array, is_first: Array, carry: Any, *, key: PRNGKeyArray
    ) -> tuple[Plan, Any]:
        plan, carry = asked.act(params, obs, is_first, carry, key=key)
        if not isinstance(plan, Plan):
            worlds = obs.shape[0]
            flat = jnp.full((worlds, world.actions), 1.0 / world.actions)
            plan = Plan(_cast(plan), flat, jnp.zeros(worlds))
        action = _cast(plan.action)
        is_none = (action < 0) | (action >= world.actions)
        action = eqx.error_if(action, is_none, tell_actions(name, world.actions))
        return plan._replace(action=action), carry

    obs = _shape_of_observations(world, levels, lanes)
    if is_on_host:
        assert not isinstance(guest.policy, Player)
        check_on_host(name, guest.policy, guest.params, obs)
    else:
        check_compiled(name, guest.policy, guest.params, obs, actions=world.actions)
    return Player(asked.start, act)


def tell_actions(name: str, actions: int) -> str:
    """What is said of an action that there is not."""
    return f"{name} returned an action that there is not; wanted 0 to {actions - 1}. {CONTRACT}"


def _can_play(found: Any) -> bool:
    return callable(found) or isinstance(found, Player)


def _move_to_host(
    name: str,
    guest: Guest,
    failures: list[str],
    is_interrupted: Callable[[], bool],
    *,
    actions: int,
) -> Callable[..., Array]:
    policy = guest.policy
    assert not isinstance(policy, Player)

    def act(params: Params, obs: Array, *, key: PRNGKeyArray) -> Array:
        del params  # they need not be arrays

        def ask(obs: Array, seed: Array) -> np.ndarray:
            told = tell_observations(obs)
            try:
                chosen = np.asarray(policy(guest.params, np.asarray(obs), key=int(seed)))
                given = jax.ShapeDtypeStruct(chosen.shape, chosen.dtype)
                check_part(name, "action", given, (obs.shape[0],), told)
                if ((chosen < 0) | (chosen >= actions)).any():  # before 64 bits become 32
                    raise UsageError(tell_actions(name, actions))
            except UsageError as error:
                failures.append(str(error))
                raise
            except FAILURES as error:
                failures.append(f"{name} failed on {told}: {tell_failure(error)} {CONTRACT}")
                raise
            if is_interrupted():
                raise KeyboardInterrupt
            return chosen.astype(np.int32)

        wanted = jax.ShapeDtypeStruct((obs.shape[0],), jnp.int32)
        return jax.pure_callback(ask, wanted, obs, jax.random.bits(key, (), jnp.uint32))

    return act


def _cast(action: Array) -> Int32[Array, " worlds"]:
    return jnp.asarray(action).astype(jnp.int32)


def _shape_of_observations(world: World, levels: Level, lanes: int) -> jax.ShapeDtypeStruct:
    def see(level: Level) -> Array:
        return world.observe(level, world.reset(level, key=jax.random.key(0)))

    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), levels)
    obs = jax.eval_shape(see, one)
    return jax.ShapeDtypeStruct((lanes, *obs.shape), obs.dtype)


def _needs_nothing(function: Callable) -> bool:
    """Whether it can be called without arguments only: such a function makes a policy."""
    try:
        return not inspect.signature(function).parameters
    except (TypeError, ValueError):  # some that are compiled don't tell
        return False


def _make(target: GuestTarget, function: Callable) -> Any:
    try:
        return function()
    except FAILURES as error:
        raise UsageError(f"{target} failed to make a policy: {tell_failure(error)}") from error


def _is_offered(name: str, value: Any) -> bool:
    return callable(value) and not name.startswith("_") and not inspect.isclass(value)

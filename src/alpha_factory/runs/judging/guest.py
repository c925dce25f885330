"""A policy from anyone's library: imported by name, and checked by shapes before anything is played.

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
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, PRNGKeyArray

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.core.types import Level, Params, Plan, Player, Policy, World
from alpha_factory.runs.judging.target import GuestTarget

_FAILURES = (Exception, SystemExit)  # anyone's code may fail in any way, or leave
_ADDRESS = re.compile(r"0x[0-9a-f]+")  # of functions, which differ for nothing
_CONTRACT = "A policy is called as policy(params, obs, *, key) and returns a Plan, or the action of each world alone."


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
    except _FAILURES as error:
        raise UsageError(
            f"Module {target.module} can't be imported: {type(error).__name__}: {error}."
        ) from error
    if not hasattr(module, target.name):
        public = [name for name, value in vars(module).items() if _is_offered(name, value)]
        raise unknown(f"policy in {target.module}", target.name, public)
    found = getattr(module, target.name)
    if not _can_play(found):
        raise UsageError(f"{target} is no function but {type(found).__name__}. {_CONTRACT}")
    made = _make(target, found) if callable(found) and _needs_nothing(found) else found
    policy, params = made if type(made) is tuple and len(made) == 2 else (made, None)
    if not _can_play(policy):
        raise UsageError(f"{target} gave no policy but {type(policy).__name__}. {_CONTRACT}")
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
        UsageError: it failed on observations of the world, what it returned has another shape or type than is
            wanted, where the message gives both, or it keeps state in Python.
    """
    if is_on_host and isinstance(guest.policy, Player):
        raise UsageError(
            f"{name} is a Player, whose memory is an array between two compiled steps. Leave --host out."
        )
    noted: list[str] = [] if failures is None else failures
    policy = _move_to_host(name, guest, noted, is_interrupted) if is_on_host else guest.policy
    asked = _with_memory(policy)

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
    told = f"obs of shape {obs.shape} and type {obs.dtype}"
    try:
        given = _try_on_host(guest, obs) if is_on_host else _try(guest, obs)
    except _FAILURES as error:
        raise UsageError(
            f"{name} failed on {told}: {type(error).__name__}: {error} {_CONTRACT}"
        ) from error
    wanted: dict[str, tuple[int, ...]] = {"action": (lanes,)}
    parts: dict[str, Any] = {"action": given}
    if isinstance(given, Plan):
        wanted |= {"policy": (lanes, world.actions), "value": (lanes,)}
        parts = given._asdict()
    for part, shape in wanted.items():
        _check_part(name, part, parts[part], shape, told)
    if not is_on_host:
        _check_pure(name, guest, obs)
    return Player(asked.start, act)


def tell_actions(name: str, actions: int) -> str:
    """What is said of an action that there is not."""
    return f"{name} returned an action that there is not; wanted 0 to {actions - 1}. {_CONTRACT}"


def _with_memory(policy: Callable[..., Any] | Player) -> Player:
    """As `rollout.as_player`, but what is returned may be an action alone."""
    if isinstance(policy, Player):
        return policy

    def act(
        params: Params, obs: Array, is_first: Array, carry: None, *, key: PRNGKeyArray
    ) -> tuple[Any, None]:
        del is_first
        return policy(params, obs, key=key), carry

    return Player(start=lambda params, worlds: None, act=act)


def _can_play(found: Any) -> bool:
    return callable(found) or isinstance(found, Player)


def _try(guest: Guest, obs: jax.ShapeDtypeStruct) -> Any:
    """The shapes that the guest returns; nothing is computed."""

    key = jax.eval_shape(lambda: jax.random.key(0))
    return eqx.filter_eval_shape(partial(_call, guest), guest.params, obs, key)[0]


def _call(guest: Guest, params: Params, obs: Array, key: PRNGKeyArray) -> tuple[Any, Any]:
    """The first step of all: what is planned, and what is remembered."""
    player, lanes = _with_memory(guest.policy), obs.shape[0]
    carry = player.start(params, lanes)
    return player.act(params, obs, jnp.ones(lanes, bool), carry, key=key)


def _check_pure(name: str, guest: Guest, obs: jax.ShapeDtypeStruct) -> None:
    """Raise if the policy is another one when it is traced again: a program would keep one moment of it for ever."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    traces = []
    try:
        for _ in range(2):
            # A function of its own each time, or JAX would give the first trace again.
            made = eqx.filter_make_jaxpr(lambda *given: _call(guest, *given))(
                guest.params, obs, key
            )
            closed = made[0]
            constants = [np.asarray(one).tobytes() for one in closed.consts if _is_plain(one)]
            traces.append((_ADDRESS.sub("", str(closed.jaxpr)), constants))
    except (jax.errors.UnexpectedTracerError, jax.errors.TracerArrayConversionError):
        is_same = False  # it kept an array of an earlier trace
    else:
        is_same = traces[0] == traces[1]
    if not is_same:
        raise UsageError(
            f"{name} keeps state in Python, or draws by chance without its key: traced twice, it is two programs, and "
            "compiled it would be one of them at every step. What is to be remembered goes through the carry of a "
            "Player (alpha_factory.core.types); chance comes from key. Or give --host."
        )


def _is_plain(value: Any) -> bool:
    return not jnp.issubdtype(value.dtype, jax.dtypes.extended) if hasattr(value, "dtype") else True


def _try_on_host(guest: Guest, obs: jax.ShapeDtypeStruct) -> Any:
    """The shape of the actions that the guest returns for observations of zeros."""
    assert not isinstance(guest.policy, Player)
    actions = np.asarray(guest.policy(guest.params, np.zeros(obs.shape, obs.dtype), key=0))
    return jax.ShapeDtypeStruct(actions.shape, actions.dtype)


def _move_to_host(
    name: str, guest: Guest, failures: list[str], is_interrupted: Callable[[], bool]
) -> Callable[..., Array]:
    policy = guest.policy
    assert not isinstance(policy, Player)

    def act(params: Params, obs: Array, *, key: PRNGKeyArray) -> Array:
        del params  # they need not be arrays

        def ask(obs: Array, seed: Array) -> np.ndarray:
            told = f"obs of shape {obs.shape} and type {obs.dtype}"
            try:
                actions = np.asarray(policy(guest.params, np.asarray(obs), key=int(seed)))
                given = jax.ShapeDtypeStruct(actions.shape, actions.dtype)
                _check_part(name, "action", given, (obs.shape[0],), told)
            except UsageError as error:
                failures.append(str(error))
                raise
            except _FAILURES as error:
                failures.append(
                    f"{name} failed on {told}: {type(error).__name__}: {error} {_CONTRACT}"
                )
                raise
            if is_interrupted():
                raise KeyboardInterrupt
            return actions.astype(np.int32)

        wanted = jax.ShapeDtypeStruct((obs.shape[0],), jnp.int32)
        return jax.pure_callback(ask, wanted, obs, jax.random.bits(key, (), jnp.uint32))

    return act


def _cast(action: Array) -> Int32[Array, " worlds"]:
    return jnp.asarray(action).astype(jnp.int32)


def _check_part(name: str, part: str, given: Any, shape: tuple[int, ...], told: str) -> None:
    kind = "integers" if part == "action" else "numbers"
    if not isinstance(given, jax.ShapeDtypeStruct):
        raise UsageError(
            f"{name} returned {type(given).__name__} as {part}; wanted an array of shape {shape}, {kind}, for "
            f"{told}. {_CONTRACT}"
        )
    is_fitting = part != "action" or jnp.issubdtype(given.dtype, jnp.integer)
    if given.shape != shape or not is_fitting:
        raise UsageError(
            f"{name} returned {part} of shape {given.shape} and type {given.dtype}; wanted shape {shape}, {kind}, "
            f"for {told}. {_CONTRACT}"
        )


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
    except _FAILURES as error:
        raise UsageError(
            f"{target} failed to make a policy: {type(error).__name__}: {error}"
        ) from error


def _is_offered(name: str, value: Any) -> bool:
    return callable(value) and not name.startswith("_") and not inspect.isclass(value)

"""Whether anyone's policy fits the worlds, before anything is played: shapes in, a `UsageError` or nothing out.

Nothing is computed but by a policy on the host, which is called once. What a policy returns is compared with what is
wanted, what a `Player` remembers with what it started from, and two traces with each other, so that none keeps state in
Python.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Params, Plan, Player, Policy

CONTRACT = "A policy is called as policy(params, obs, *, key) and returns a Plan, or the action of each world alone."
FAILURES = (Exception, SystemExit)  # anyone's code may fail in any way, or leave

_PLAYER = (
    "A Player is start(params, worlds), which returns a carry, and act(params, obs, is_first, carry, *, key), which "
    "returns (plan, carry): a Plan or the action of each world alone, and a carry as start's."
)
_ADDRESS = re.compile(r"0x[0-9a-f]+")  # of functions, which differ for nothing
_LONGEST = 200  # characters of a carry's structure in a message
_VALUELESS = (  # what JAX says of values that a program being compiled does not have yet
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def check_compiled(
    name: str, policy: Policy | Player, params: Params, obs: jax.ShapeDtypeStruct, *, actions: int
) -> None:
    """Raise unless a policy that is compiled with the worlds fits them.

    Args:
        name: for messages.
        obs: what a batch of worlds shows.
        actions: that the world has.

    Raises:
        UsageError: it failed; what it returned, or remembers, has another shape or type than is wanted, where the
            message gives both; or it keeps state in Python.
    """
    player, is_player = with_memory(policy), isinstance(policy, Player)
    told, (lanes, *_) = tell_observations(obs), obs.shape
    if is_player:
        try:
            eqx.filter_eval_shape(lambda given: player.start(given, lanes), params)
        except FAILURES as error:
            _refuse(f"start of {name}", f"params and worlds={lanes}", error, is_player=True)
    try:
        made = eqx.filter_eval_shape(partial(_step_once, player), params, obs, _key())
    except FAILURES as error:
        _refuse(f"act of {name}" if is_player else name, told, error, is_player=is_player)
    if not isinstance(made, tuple | list) or len(made) != 2:
        raise UsageError(f"act of {name} returned {_describe(made)}, no (plan, carry). {_PLAYER}")
    plan, after = made
    wanted: dict[str, tuple[int, ...]] = {"action": (lanes,)}
    parts: dict[str, Any] = {"action": plan}
    if isinstance(plan, Plan):
        wanted |= {"policy": (lanes, actions), "value": (lanes,)}
        parts = plan._asdict()
    for part, shape in wanted.items():
        check_part(name, part, parts[part], shape, told)
    _check_pure(name, player, params, obs)
    if is_player:
        _check_carry(name, player, params, obs, after)


def check_on_host(
    name: str, policy: Callable[..., Any], params: Params, obs: jax.ShapeDtypeStruct
) -> None:
    """Raise unless a policy that is called on the host returns an action a world for observations of zeros.

    Raises:
        UsageError: it failed, or returned another shape or type; the message gives both.
    """
    told = tell_observations(obs)
    try:
        actions = np.asarray(policy(params, np.zeros(obs.shape, obs.dtype), key=0))
    except FAILURES as error:
        raise UsageError(f"{name} failed on {told}: {tell_failure(error)} {CONTRACT}") from error
    given = jax.ShapeDtypeStruct(actions.shape, actions.dtype)
    check_part(name, "action", given, obs.shape[:1], told)


def check_part(name: str, part: str, given: Any, shape: tuple[int, ...], told: str) -> None:
    """Raise unless what is given as `part` of a plan, for the observations that `told` names, is as wanted."""
    kind = "integers" if part == "action" else "numbers"
    if not isinstance(given, jax.ShapeDtypeStruct):
        raise UsageError(
            f"{name} returned {type(given).__name__} as {part}; wanted an array of shape {shape}, {kind}, for "
            f"{told}. {CONTRACT}"
        )
    is_fitting = part != "action" or jnp.issubdtype(given.dtype, jnp.integer)
    if given.shape != shape or not is_fitting:
        raise UsageError(
            f"{name} returned {part} of shape {given.shape} and type {given.dtype}; wanted shape {shape}, {kind}, "
            f"for {told}. {CONTRACT}"
        )


def tell_observations(obs: Any) -> str:
    """What a policy was called with, for messages."""
    return f"obs of shape {obs.shape} and type {obs.dtype}"


def tell_failure(error: BaseException) -> str:
    """What went wrong in anyone's code, as a sentence."""
    said = str(error).strip()
    told = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return told if told.endswith((".", "!", "?")) else f"{told}."


def with_memory(policy: Callable[..., Any] | Player) -> Player:
    """As `rollout.as_player`, but what is returned may be an action alone."""
    if isinstance(policy, Player):
        return policy

    def act(
        params: Params, obs: Array, is_first: Array, carry: None, *, key: PRNGKeyArray
    ) -> tuple[Any, None]:
        del is_first
        return policy(params, obs, key=key), carry

    return Player(start=lambda params, worlds: None, act=act)


def _refuse(who: str, told: str, error: BaseException, *, is_player: bool) -> NoReturn:
    """Say what failed, or, where it asked for values that only the host has, how to get them."""
    if not isinstance(error, _VALUELESS) and "Tracer" not in str(error):
        contract = _PLAYER if is_player else CONTRACT
        raise UsageError(f"{who} failed on {told}: {tell_failure(error)} {contract}") from error
    # JAX's own words are a page on tracing, which tells nothing to those who wrote NumPy.
    kind = type(error).__name__ if isinstance(error, _VALUELESS) else tell_failure(error)
    remedy = (
        "A Player can't be called with --host: write it in JAX"
        if is_player
        else "Give --host for a policy in NumPy or PyTorch, or write it in JAX"
    )
    raise UsageError(
        f"{who} asks for values while it is compiled, when there are none: {kind.rstrip('.')}. {remedy}, without "
        f"NumPy, `if` or int() on what it is given: {told}."
    ) from error


def _step_once(player: Player, params: Params, obs: Array, key: PRNGKeyArray) -> Any:
    """The first step of all: what is planned, and what is remembered."""
    lanes = obs.shape[0]
    carry = player.start(params, lanes)
    return player.act(params, obs, jnp.ones(lanes, bool), carry, key=key)


def _check_carry(
    name: str, player: Player, params: Params, obs: jax.ShapeDtypeStruct, after: Any
) -> None:
    """Raise unless what `act` remembers can go back into it, as `rollout.relay` does; `after` is that of one step.

    JAX itself is asked, since it lets pass what it can make the same, such as a start of Python's numbers.
    """
    lanes = obs.shape[0]

    def remember(params: Params, obs: Array, key: PRNGKeyArray) -> Any:
        def act(going: tuple[Any, Array]) -> tuple[Any, Array]:
            carry, time = going
            is_first = jnp.broadcast_to(time == 0, (lanes,))
            return player.act(params, obs, is_first, carry, key=key)[1], time + 1

        first = player.start(params, lanes), jnp.int32(0)
        return jax.lax.while_loop(lambda going: going[1] < 1, act, first)

    try:
        eqx.filter_eval_shape(remember, params, obs, _key())
    except FAILURES as error:
        start = eqx.filter_eval_shape(lambda given: player.start(given, lanes), params)
        changed = _compare(start, after)
        if changed is None:
            _refuse(f"act of {name}", "the carry that it returned", error, is_player=True)
        raise UsageError(
            f"What {name} remembers must keep its structure, shapes and types from step to step: {changed}. {_PLAYER}"
        ) from error


def _compare(start: Any, after: Any) -> str | None:
    """How what is remembered after a step differs from what it began with; None where nothing does."""
    first, then = _list_leaves(start), _list_leaves(after)
    nothing = object()
    changed = []
    for path in [*first, *(path for path in then if path not in first)]:
        old, new = first.get(path, nothing), then.get(path, nothing)
        if nothing in (old, new) or not _is_kept(old, new):
            told = ("nothing" if one is nothing else _describe(one) for one in (old, new))
            changed.append("carry{}: start gave {}, act gave {}".format(path, *told))
    if changed:
        rest = f"; and so in {len(changed) - 1} more places" if changed[1:] else ""
        return changed[0] + rest
    for path, leaf in first.items():
        if leaf is not None and _as_array(leaf) is None:
            return f"carry{path} is {_describe(leaf)}, neither an array nor a number"
    shapes = [str(jax.tree.structure(one)) for one in (start, after)]
    if shapes[0] == shapes[1]:
        return None
    old, new = (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in shapes)
    return f"start gave {old}, act gave {new}"


def _list_leaves(tree: Any) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda one: one is None)
    return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}


def _is_kept(old: Any, new: Any) -> bool:
    before, then = _as_array(old), _as_array(new)
    if before is None or then is None:
        return type(old) is type(new)
    # A number of Python's takes the type of what it becomes, if that can hold it.
    is_taken = before.weak_type and _rank(before.dtype) <= _rank(then.dtype)
    return before.shape == then.shape and (before.dtype == then.dtype or is_taken)


def _rank(dtype: Any) -> int:
    kinds = (jnp.integer, jnp.floating, jnp.complexfloating)
    return next((rank for rank, kind in enumerate(kinds) if jnp.issubdtype(dtype, kind)), -1)


def _as_array(leaf: Any) -> jax.ShapeDtypeStruct | None:
    """Its shape and type, if it can be in a compiled program."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return leaf
    if isinstance(leaf, bool | int | float | complex):
        return jax.ShapeDtypeStruct((), jnp.result_type(leaf), weak_type=type(leaf) is not bool)
    return None


def _describe(value: Any) -> str:
    """What was returned, for messages: an array by its shape and type."""
    if (array := _as_array(value)) is not None:
        return f"shape {array.shape} and type {array.dtype}"
    if value is None:
        return "None"
    if type(value) in (tuple, list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _check_pure(name: str, player: Player, params: Params, obs: jax.ShapeDtypeStruct) -> None:
    """Raise if the policy is another one when it is traced again: a program would keep one moment of it for ever."""
    traces = []
    try:
        for _ in range(2):
            # A function of its own each time, or JAX would give the first trace again.
            made = eqx.filter_make_jaxpr(lambda *given: _step_once(player, *given))(
                params, obs, _key()
            )
            constants = [np.asarray(one).tobytes() for one in _list_constants(made[0])]
            traces.append((_ADDRESS.sub("", str(made[0].jaxpr)), constants))
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


def _list_constants(program: Any) -> list[Any]:
    """Arrays that a program holds, also those of programs within it, which its text does not tell."""
    found = [one for one in program.consts if _is_plain(one)]
    for equation in program.jaxpr.eqns:
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_program):
            if _is_program(value):
                found += _list_constants(value)
    return found


def _is_program(value: Any) -> bool:
    return hasattr(value, "jaxpr") and hasattr(value, "consts")


def _is_plain(value: Any) -> bool:
    return not jnp.issubdtype(value.dtype, jax.dtypes.extended) if hasattr(value, "dtype") else True


def _key() -> Any:
    return jax.eval_shape(lambda: jax.random.key(0))

"""Does a world keep what `core.types.World` promises? It is played at random and watched.

Any world: the check knows the interface alone. It shows violations, never their absence: what does
not happen in these levels, steps and actions is not seen.
"""

from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.core.types import Level, Outcome, World

_UNFUSED_STEPS = 3  # without compilation, a step takes as long as a thousand compiled ones
_TOLERANCE = 1e-5  # of floating-point numbers between programs that may round differently


class WorldViolation(AssertionError):
    """A world broke a promise; where and how is in the message and the attributes."""

    def __init__(self, promise: str, level: int | None, step: int | None, found: str) -> None:
        self.promise, self.level, self.step, self.found = promise, level, step, found
        place = "" if level is None else f", level {level}"
        place += "" if level is None else ", reset" if step is None else f", step {step}"
        super().__init__(f"Broken promise{place}: {promise}; {found}.")


def check_world(
    world: World,
    levels: Level,
    *,
    steps: int = 256,
    lowest: float = -1.0,
    highest: float = 1.0,
    key: PRNGKeyArray,
) -> None:
    """Raise unless a world keeps its promises while it is played at random.

    Promised is: state, observation and outcome have the same structure, shapes and dtypes at every
    step; the same key gives the same trajectory to the bit; it is the same within rounding alone,
    in a batch, compiled or not; rewards are finite and within bounds; nothing is NaN and no
    observation is infinite; an episode starts unfinished, ends by itself or is cut, never both, and is
    solved only where it ends by itself; the state says in `is_terminated` and `is_truncated` what the
    outcome says; and a finished world stays as it is, at reward 0. What `reset` gives is looked at
    like what a step gives.

    Args:
        levels: with a leading axis; at least one has to end within `steps` of random play.
        steps: played in every level; long enough for some to go on after their end.
        lowest, highest: bounds of the reward of one step.

    Raises:
        WorldViolation: naming the promise, the level, the step (the first is 0, None stands for
            `reset`) and the values.
        ValueError: there are no levels, or they have no leading axis in common.
    """
    count = _count_levels(levels)
    key_action, key_play = jax.random.split(key)
    actions = jax.random.randint(key_action, (count, steps), 0, world.actions)
    keys = jax.random.split(key_play, count)
    _check_shapes(world, jax.tree.map(lambda leaf: leaf[0], levels), keys[0])

    play = jax.jit(jax.vmap(lambda *args: _play(world, *args)))
    played = _to_host(play(levels, actions, keys))
    again = _to_host(play(levels, actions, keys))
    _compare("the same key gives the same trajectory", played, again, None, is_exact=True)
    _check_start(played.start)
    _check_outcomes(played.steps, lowest, highest)
    _check_numbers(played.steps.state, played.steps.obs, axes=2)
    _check_end(played.steps)

    alone = jax.jit(lambda *args: _play(world, *args))
    for index in range(count):
        one = [jax.tree.map(lambda leaf, at=index: leaf[at], part) for part in (levels, actions)]
        here = jax.tree.map(lambda leaf, at=index: leaf[at], played)
        single = _to_host(alone(*one, keys[index]))
        _compare("a world alone does as in a batch", here, single, index)
        if index == 0:
            steps_first = jax.tree.map(lambda leaf: leaf[:_UNFUSED_STEPS], here.steps)
            first = here._replace(steps=steps_first)
            with jax.disable_jit():
                slow = _to_host(_play(world, one[0], one[1][:_UNFUSED_STEPS], keys[index]))
            _compare("compiled or not, a world does the same", first, slow, index)


class _Start(NamedTuple):
    """What `reset` gave."""

    state: Any
    obs: Any


class _Steps(NamedTuple):
    """A row a step: what the step led to."""

    state: Any
    obs: Any
    outcome: Outcome


class _Played(NamedTuple):
    start: _Start
    steps: _Steps


def _count_levels(levels: Level) -> int:
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(levels)]
    counts = sorted({shape[:1] for shape in shapes})
    if len(counts) != 1 or counts == [()]:
        found = f"leaves of the shapes {sorted(set(shapes))}" if shapes else "no arrays"
        raise ValueError(
            f"levels holds {found}. Give every leaf one leading axis, as long as there are levels: "
            "of a single level, `jax.tree.map(lambda leaf: leaf[None], level)`."
        )
    if counts[0] == (0,):
        raise ValueError("levels holds 0 levels, so nothing can be played. Give 1 or more.")
    return counts[0][0]


def _play(world: World, level: Level, actions: Any, key: PRNGKeyArray) -> _Played:
    key_reset, key_steps = jax.random.split(key)
    state = world.reset(level, key=key_reset)

    def act(state: Any, now: tuple[Any, Any]) -> tuple[Any, _Steps]:
        time, action = now
        key_step = jax.random.fold_in(key_steps, time)
        following, outcome = world.step(level, state, action, key=key_step)
        return following, _Steps(following, world.observe(level, following), outcome)

    steps = jax.lax.scan(act, state, (jnp.arange(actions.shape[0]), actions))[1]
    return _Played(_Start(state, world.observe(level, state)), steps)


def _check_shapes(world: World, level: Level, key: PRNGKeyArray) -> None:
    """Before anything is compiled: a `scan` over a state that changes its shape says less."""
    action = jax.ShapeDtypeStruct((), jnp.int32)
    first = jax.eval_shape(lambda: world.reset(level, key=key))
    following, outcome = jax.eval_shape(
        lambda state, action: world.step(level, state, action, key=key), first, action
    )
    promise = "the state keeps its structure, shapes and dtypes"
    _compare_shapes(promise, first, following)
    # A function that was seen before would not be asked again.
    before, after = (
        jax.eval_shape(lambda *args: world.observe(*args), level, state)
        for state in (first, following)
    )
    _compare_shapes("the observation keeps its shape and dtype", before, after)
    entries = sum(leaf.size for leaf in jax.tree.leaves(after))
    if world.features not in (None, entries):
        _report(
            "an observation has as many entries as features",
            *(None, None),
            f"it has {entries}, features={world.features}",
        )
    wanted = jax.eval_shape(
        lambda: Outcome(jnp.float32(0), jnp.bool_(False), jnp.bool_(False), jnp.bool_(False))
    )
    _compare_shapes("the outcome is a reward and three flags", wanted, outcome)
    for name in ("is_terminated", "is_truncated"):
        if not hasattr(first, name):
            _report(f"the state has {name}", None, None, f"{type(first).__name__} has not")


def _compare_shapes(promise: str, before: Any, after: Any) -> None:
    old_form, new_form = str(jax.tree.structure(before)), str(jax.tree.structure(after))
    if old_form != new_form:
        found = f"{old_form} became {new_form}"
        _report(promise, None, None, found)
    leaves, others = jax.tree_util.tree_leaves_with_path(before), jax.tree.leaves(after)
    for (path, old), new in zip(leaves, others, strict=True):
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            found = f"{_say(path)} of {old.dtype}{old.shape} became {new.dtype}{new.shape}"
            _report(promise, None, None, found)


def _check_start(start: _Start) -> None:
    for name in ("is_terminated", "is_truncated"):
        flag = np.asarray(getattr(start.state, name))
        _require(~flag, "an episode starts unfinished", lambda at, name=name: f"{name} is set")
    _check_numbers(start.state, start.obs, axes=1)


def _check_outcomes(steps: _Steps, lowest: float, highest: float) -> None:
    """Flags that fit together and rewards within bounds."""
    outcome, state = steps.outcome, steps.state
    reward, is_terminated, is_truncated, is_solved = (
        np.asarray(part)
        for part in (
            outcome.reward,
            outcome.is_terminated,
            outcome.is_truncated,
            outcome.is_solved,
        )
    )
    _require(np.isfinite(reward), "rewards are finite", lambda at: f"it is {reward[at]}")
    _require(
        (reward >= lowest) & (reward <= highest),
        f"rewards lie within [{lowest}, {highest}]",
        lambda at: f"it is {reward[at]}",
    )
    _require(
        ~(is_terminated & is_truncated),
        "an episode ends by itself or is cut, never both",
        lambda at: "it is terminated and truncated",
    )
    _require(
        ~is_solved | is_terminated,
        "what is solved has ended by itself",
        lambda at: "it is solved and not terminated",
    )
    for name in ("is_terminated", "is_truncated"):
        inside, told = np.asarray(getattr(state, name)), getattr(outcome, name)
        _require(
            inside == told,
            f"the state's {name} is the outcome's",
            lambda at, inside=inside, told=told: f"state {inside[at]}, outcome {told[at]}",
        )


def _check_numbers(state: Any, obs: Any, *, axes: int) -> None:
    """`axes`: 1, levels, or 2, levels and steps."""
    rules = (
        ("state", state, "nothing is NaN", np.isnan, "one"),
        ("observation", obs, "nothing is NaN", np.isnan, "one"),
        ("observation", obs, "observations are finite", np.isinf, "an infinity"),
    )
    for part, tree, promise, is_wrong, held in rules:
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            if jnp.issubdtype(leaf.dtype, jnp.floating):
                is_kept = ~is_wrong(leaf).reshape(*leaf.shape[:axes], -1).any(axis=axes)
                found = f"{part}{_say(path)} holds {held}"
                _require(is_kept, promise, lambda at, found=found: found)


def _check_end(steps: _Steps) -> None:
    """What follows the step that ended an episode."""
    outcome = steps.outcome
    is_over = outcome.is_terminated | outcome.is_truncated
    if not is_over[:, :-1].any():
        found = f"none ended in {is_over.shape[1]} steps: give more steps or levels that end sooner"
        _report("some episode ends, so that what follows can be checked", None, None, found)
    was_over = np.concatenate([np.zeros_like(is_over[:, :1]), is_over[:, :-1]], axis=1)
    promise = "a finished world stays finished"
    reward = outcome.reward
    _require(~was_over | (reward == 0), promise, lambda at: f"it paid {reward[at]}")
    _require(~was_over | ~outcome.is_solved, promise, lambda at: "it was solved once more")
    for name in ("is_terminated", "is_truncated"):
        flag = getattr(outcome, name)
        before = np.concatenate([flag[:, :1], flag[:, :-1]], axis=1)
        _require(~was_over | (flag == before), promise, lambda at, name=name: f"{name} changed")
    for part, tree in (("state", steps.state), ("observation", steps.obs)):
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            before = np.concatenate([leaf[:, :1], leaf[:, :-1]], axis=1)
            is_same = _equal(leaf, before).reshape(*leaf.shape[:2], -1).all(axis=2)
            found = f"{part}{_say(path)} changed"
            _require(~was_over | is_same, promise, lambda at, found=found: found)


def _compare(
    promise: str, first: _Played, other: _Played, level: int | None, *, is_exact: bool = False
) -> None:
    """Raise where two trajectories differ, at the earliest step; what `reset` gave comes before all steps."""
    # An axis of one step, so that places are counted alike.
    one, two = (
        jax.tree.map(lambda leaf: np.expand_dims(leaf, int(level is None)), played.start)
        for played in (first, other)
    )
    _compare_rows(promise, one, two, level, is_exact=is_exact)
    _compare_rows(promise, first.steps, other.steps, level, is_exact=is_exact)


def _compare_rows(
    promise: str, first: Any, other: Any, level: int | None, *, is_exact: bool
) -> None:
    found: tuple[int, int | None, str] | None = None
    pairs = zip(jax.tree_util.tree_leaves_with_path(first), jax.tree.leaves(other), strict=True)
    for (path, one), two in pairs:
        same = _equal(one, two)
        if not is_exact and jnp.issubdtype(one.dtype, jnp.floating):
            same = same | np.isclose(one, two, rtol=_TOLERANCE, atol=_TOLERANCE)
        if not same.all():
            at = min(np.argwhere(~same).tolist(), key=lambda place: place[level is None])
            step, where = at[level is None], level if level is not None else at[0]
            if found is None or step < found[0]:
                values = f"{_say(path)} is {one[tuple(at)]} and {two[tuple(at)]}"
                found = (step, where, values)
    if found:
        step_found = None if isinstance(first, _Start) else found[0]
        _report(promise, found[1], step_found, found[2])


def _require(is_kept: np.ndarray, promise: str, say: Any) -> None:
    """Raise at the earliest step at which a promise is not kept; `is_kept` is levels, or levels by steps."""
    broken = np.argwhere(~is_kept)
    if broken.size:
        place = min(broken.tolist(), key=lambda place: place[1:])
        step = place[1] if len(place) > 1 else None
        _report(promise, place[0], step, say(tuple(place)))


def _report(promise: str, level: int | None, step: int | None, found: str) -> NoReturn:
    raise WorldViolation(promise, level, step, found)


def _equal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Equal or both NaN."""
    is_same = one == other
    if jnp.issubdtype(one.dtype, jnp.floating):
        is_same = is_same | (np.isnan(one) & np.isnan(other))
    return is_same


def _to_host(tree: Any) -> Any:
    def fetch(leaf: Any) -> np.ndarray:
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    return jax.tree.map(fetch, tree)


def _say(path: Any) -> str:
    return jax.tree_util.keystr(path)

"""The grid world as a Gymnasium environment, alone and in batches. Needs the extra `gym`.

Importing this module registers `AlphaFactory/Grid-v0`, which is how Gymnasium finds environments that are not its own.
`gymnasium.make("alpha_factory.worlds.gym:AlphaFactory/Grid-v0", genome=…)` imports it by itself. Users of JAX don't
need it: `worlds.make_grid` gives `reset` and `step` as pure functions.
"""

import functools
import operator
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from jaxtyping import Array

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Outcome, World
from alpha_factory.worlds.grid.engine import make_grid
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.grid.view import GLYPHS
from alpha_factory.worlds.gym_levels import read_level, read_levels
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.render import draw_level
from alpha_factory.worlds.scene import print_scene

_RENDER_MODES = ("rgb_array", "ansi")
_FPS = 8


class GridEnv(gymnasium.Env):
    """One grid world, after Gymnasium's interface.

    `reset(seed=…)` and the actions decide everything. What `step` calls terminated came to its own end, what it calls
    truncated met the level's step limit; `info["is_solved"]` says whether this step reached the goal.
    """

    metadata: dict[str, Any] = {"render_modes": list(_RENDER_MODES), "render_fps": _FPS}  # noqa: RUF012

    def __init__(
        self,
        *,
        genome: Any = None,
        level: Any = None,
        observation: str = "symbolic",
        view: int | None = 5,
        controls: str = "turn",
        pays_hidden: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Give a genome or a level.

        Args:
            genome: 128 hexadecimal digits, or 16 words of 32 bits.
            level: a level, or the text of a level's file as `worlds.levels.file` reads it.
            observation, view, controls, pays_hidden: as `make_grid` takes them.
            render_mode: `rgb_array`, a picture, or `ansi`, text.

        Raises:
            UsageError: neither or both of genome and level are given, or there is no such choice.
            InvalidGenome, InvalidLevel: what is given breaks its schema.
        """
        self.render_mode = _check_render_mode(render_mode)
        self._level = read_level(genome, level)
        world = _make_world(observation, view, controls, pays_hidden)
        self._actions = world.actions
        self.action_space = spaces.Discrete(world.actions)
        self.observation_space = _find_space(world, self._level, observation)
        self._dtype = self.observation_space.dtype
        self._reset, self._step = _compile(observation, view, controls, pays_hidden)
        self._key: Array | None = None
        self._draws = 0
        self._state: GridState | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; there are no options."""
        super().reset(seed=seed, options=options)
        if seed is not None or self._key is None:
            self._key, self._draws = _draw_key(self.np_random), 0
        self._state, obs = self._reset(self._level, self._key, self._draws)
        self._draws += 1
        return np.array(obs, self._dtype), {"is_solved": False}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take a step; a world that has ended stays as it is until `reset`.

        Raises:
            UsageError: there was no `reset`, or there is no such action.
        """
        if self._state is None or self._key is None:
            raise UsageError("The world has no state yet: call `reset` before the first `step`.")
        chosen = _read_actions(action, (), self._actions)
        self._state, outcome, obs = self._step(
            self._level, self._state, chosen, self._key, self._draws
        )
        self._draws += 1
        return (
            np.array(obs, self._dtype),
            float(outcome.reward),
            bool(outcome.is_terminated),
            bool(outcome.is_truncated),
            {"is_solved": bool(outcome.is_solved)},
        )

    def render(self) -> np.ndarray | str | None:
        """A picture or text of this moment, as the render mode says; None without one."""
        if self.render_mode is None or self._state is None:
            return None
        return _draw(self.render_mode, self._level, jax.device_get(self._state))


class GridVectorEnv(gymnasium.vector.VectorEnv):
    """Many grid worlds stepped by one compiled program, after Gymnasium's interface for vectors.

    A world that ended is reset by the step after (`AutoresetMode.NEXT_STEP`): that step ignores the action, pays 0 and
    returns the first observation of the next episode, so that the last observation of an episode is always the
    one that its last step returned. World i under seed s does what a `GridEnv` under seed s + i does.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": list(_RENDER_MODES),
        "render_fps": _FPS,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        *,
        num_envs: int = 1,
        genome: Any = None,
        level: Any = None,
        observation: str = "symbolic",
        view: int | None = 5,
        controls: str = "turn",
        pays_hidden: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Give a genome or a level for all worlds, or a list with one for each.

        Args:
            genome: as `GridEnv` takes it, a list of those, or words with axes `num_envs` and 16.
            level: as `GridEnv` takes it, or a list of those, all with arrays of the same size.
            observation, view, controls, pays_hidden, render_mode: as `GridEnv` takes them.

        Raises:
            UsageError: neither or both of genome and level are given, not one for each world, or no such choice.
            InvalidGenome, InvalidLevel: what is given breaks its schema.
        """
        if num_envs < 1:
            raise UsageError(f"num_envs={num_envs} holds no world. Give 1 or more.")
        self.num_envs, self.render_mode = num_envs, _check_render_mode(render_mode)
        levels = read_levels(genome, level, num_envs)
        world = _make_world(observation, view, controls, pays_hidden)
        self._actions = world.actions
        self.single_action_space = spaces.Discrete(world.actions)
        self.single_observation_space = _find_space(world, levels[0], observation)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._dtype = self.observation_space.dtype
        self._levels = jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)
        self._reset, self._restart, self._step = _compile_vector(
            observation, view, controls, pays_hidden
        )
        self._keys: Array | None = None
        self._draws = np.zeros(num_envs, np.int32)  # since each world was seeded
        self._state: GridState | None = None
        self._is_over = np.zeros(num_envs, bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in every world, or in some.

        Args:
            seed: of the first world, the others having the numbers after it; or a list with one for each world,
                None leaving a world the one it has.
            options: `reset_mask`, an array with a boolean for each world; those of False go on where they are.

        Raises:
            UsageError: not one seed or boolean for each world, none is to begin, or one to go on never began.
        """
        is_chosen = self._read_mask((options or {}).get("reset_mask"))
        seeds = self._read_seeds(seed)
        drawn = [
            (at, _draw_key(seeding.np_random(one)[0]))
            for at, one in enumerate(seeds)
            if one is not None and is_chosen[at]
        ]
        if drawn:
            places, keys = np.array([at for at, _ in drawn]), jnp.stack([key for _, key in drawn])
            self._keys = keys if self._keys is None else self._keys.at[places].set(keys)
            # A new array: a program that still runs may read the old one.
            self._draws = np.where(np.isin(np.arange(self.num_envs), places), 0, self._draws)
        if is_chosen.all():
            self._state, obs = self._reset(self._levels, self._keys, self._draws)
        else:
            self._state, obs = self._restart(
                self._levels, self._state, is_chosen, self._keys, self._draws
            )
        self._draws = (self._draws + is_chosen).astype(np.int32)
        self._is_over = self._is_over & ~is_chosen
        return np.array(obs, self._dtype), {"is_solved": np.zeros(self.num_envs, bool)}

    def step(
        self, actions: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take a step in every world, or reset it where the last step ended its episode.

        Raises:
            UsageError: there was no `reset`, there is no such action, or not one for each world.
        """
        if self._state is None:
            raise UsageError("The worlds have no state yet: call `reset` before the first `step`.")
        chosen = _read_actions(actions, (self.num_envs,), self._actions)
        self._state, outcome, obs = self._step(
            self._levels, self._state, chosen, self._is_over, self._keys, self._draws
        )
        self._draws = self._draws + np.int32(1)
        ended = np.array(outcome.is_terminated), np.array(outcome.is_truncated)
        self._is_over = ended[0] | ended[1]
        reward = np.array(outcome.reward, np.float64)
        info = {"is_solved": np.array(outcome.is_solved)}
        return np.array(obs, self._dtype), reward, *ended, info

    def render(self) -> tuple[np.ndarray | str, ...] | None:
        """A picture or text of each world; None without a render mode."""
        if self.render_mode is None or self._state is None:
            return None
        levels, states = jax.device_get((self._levels, self._state))
        return tuple(
            _draw(self.render_mode, *jax.tree.map(lambda leaf, at=at: leaf[at], (levels, states)))
            for at in range(self.num_envs)
        )

    def _read_mask(self, mask: Any) -> np.ndarray:
        """Which worlds a reset is for."""
        if mask is None:
            return np.ones(self.num_envs, bool)
        given = np.asarray(mask)
        if given.dtype != np.bool_ or given.shape != (self.num_envs,) or not given.any():
            raise UsageError(
                f"reset_mask={mask!r} does not choose among the worlds. "
                f"Give an array of {self.num_envs} booleans, one or more of them True."
            )
        if self._state is None and not given.all():
            raise UsageError(
                "The worlds that reset_mask leaves out have no state yet: call `reset` without it first."
            )
        return given

    def _read_seeds(self, seed: int | list[int | None] | None) -> list[int | None]:
        """A seed for each world, None where it keeps its own; at first, every world gets one."""
        if seed is None or isinstance(seed, int):
            super().reset(seed=seed)
            seeds = [None if seed is None else seed + at for at in range(self.num_envs)]
        else:
            seeds = [None if one is None else operator.index(one) for one in seed]
        if len(seeds) != self.num_envs:
            raise UsageError(
                f"num_envs={self.num_envs} worlds have {len(seeds)} seeds. "
                "Give one for each, or one number."
            )
        if self._keys is None and None in seeds:
            first = int(self.np_random.integers(2**62))
            seeds = [first + at if one is None else one for at, one in enumerate(seeds)]
        return seeds


def _make_world(observation: str, view: int | None, controls: str, pays_hidden: bool) -> World:
    if view is not None and not isinstance(view, int | np.integer):
        raise UsageError(f"view={view!r} is no number of cells. Give an odd whole number, or None.")
    return make_grid(
        observation=observation,
        view=view,
        controls=controls,
        pays_hidden=pays_hidden,
    )


def _find_space(world: World, level: GridLevel, observation: str) -> spaces.Space:
    """The space of what a world's agent observes."""

    def first(level: GridLevel) -> Array:
        return world.observe(level, world.reset(level, key=jax.random.key(0)))

    seen = jax.eval_shape(first, level)
    if seen.dtype == jnp.bool_:
        return spaces.MultiBinary(seen.shape)
    return spaces.Box(0, 255 if observation == "pixels" else GLYPHS - 1, seen.shape, np.uint8)


@functools.cache
def _compile(*choices: Any) -> tuple[Any, Any]:
    """Reset and step of one world with what it observes, compiled once for all environments of these choices.

    The key of a call is that of the seed, folded with the number of calls since.
    """
    world = _make_world(*choices)

    def reset(level: GridLevel, key: Array, draws: Array) -> tuple[GridState, Array]:
        state = world.reset(level, key=jax.random.fold_in(key, draws))
        return state, world.observe(level, state)

    def step(
        level: GridLevel, state: GridState, action: Array, key: Array, draws: Array
    ) -> tuple[GridState, Outcome, Array]:
        key_step = jax.random.fold_in(key, draws)
        state, outcome = world.step(level, state, action, key=key_step)
        return state, outcome, world.observe(level, state)

    return jax.jit(reset), jax.jit(step)


@functools.cache
def _compile_vector(*choices: Any) -> tuple[Any, Any, Any]:
    """Reset of all worlds, reset of some, and step, as `_compile` gives them for one.

    A world that is over is reset instead of stepped.
    """
    world = _make_world(*choices)

    def reset(level: GridLevel, key: Array, draws: Array) -> tuple[GridState, Array]:
        state = world.reset(level, key=jax.random.fold_in(key, draws))
        return state, world.observe(level, state)

    def step(
        level: GridLevel, state: GridState, action: Array, is_over: Array, key: Array, draws: Array
    ) -> tuple[GridState, Outcome, Array]:
        key_step = jax.random.fold_in(key, draws)
        stepped = world.step(level, state, action, key=key_step)
        begun = world.reset(level, key=key_step), jax.tree.map(jnp.zeros_like, stepped[1])
        state, outcome = jax.tree.map(lambda new, old: jnp.where(is_over, new, old), begun, stepped)
        return state, outcome, world.observe(level, state)

    def restart(
        level: GridLevel, state: GridState, is_chosen: Array, key: Array, draws: Array
    ) -> tuple[GridState, Array]:
        begun = world.reset(level, key=jax.random.fold_in(key, draws))
        state = jax.tree.map(lambda new, old: jnp.where(is_chosen, new, old), begun, state)
        return state, world.observe(level, state)

    return jax.jit(jax.vmap(reset)), jax.jit(jax.vmap(restart)), jax.jit(jax.vmap(step))


def _read_actions(given: Any, shape: tuple[int, ...], count: int) -> np.ndarray:
    """Actions as the engine takes them."""
    actions = np.asarray(given)
    if actions.shape != shape or actions.dtype.kind not in "iu":
        wanted = f"an array of {shape[0]} whole numbers" if shape else "one whole number"
        raise UsageError(f"action={given!r} is not {wanted} from 0 to {count - 1}.")
    if ((actions < 0) | (actions >= count)).any():
        raise UsageError(f"action={given!r}: there are {count} actions, 0 to {count - 1}.")
    return actions.astype(np.int32)


def _draw_key(generator: np.random.Generator) -> Array:
    return jax.random.key(int(generator.integers(2**32, dtype=np.uint32)))


def _check_render_mode(render_mode: str | None) -> str | None:
    if render_mode is not None and render_mode not in _RENDER_MODES:
        raise UsageError(
            f"Unknown render_mode {render_mode!r}. Choices: {', '.join(_RENDER_MODES)}, or None."
        )
    return render_mode


def _draw(render_mode: str, level: GridLevel, state: GridState) -> np.ndarray | str:
    if render_mode == "ansi":
        return print_scene(level, state)
    return np.asarray(draw_level(level, state))


def _register() -> str:
    """Entry points as text, so that a specification can be written as JSON."""
    name = "AlphaFactory/Grid-v0"
    single, vector = (f"{__name__}:{kind.__name__}" for kind in (GridEnv, GridVectorEnv))
    gymnasium.register(id=name, entry_point=single, vector_entry_point=vector)
    return name


ID = _register()
"""The name for `gymnasium.make` and `gymnasium.make_vec`."""

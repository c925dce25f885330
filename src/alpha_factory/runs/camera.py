"""A run's agent on film: levels in, all that happened out. One program films for whoever asks."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from alpha_factory.nets import ActorCritic, Model
from alpha_factory.rollout import Film, film
from alpha_factory.runs.evaluation import make_agent
from alpha_factory.runs.machine.compiler import Compiler, Compiling
from alpha_factory.runs.machine.memory import estimate_play
from alpha_factory.runs.machine.shortage import Estimate
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.worlds import GridLevel, make_grid

_STEPS = 250
"""The longest step limit of any genome or suite: only an episode on a drawn level may be cut before its end."""


class Camera:
    """Films the agent of a run as it acts in training, each level once."""

    def __init__(self, config: RunConfig, compiling: Compiling = lambda name: None) -> None:
        """Nothing is compiled yet; `compiling` is called before it is."""
        agent = make_agent(config)
        self._config = config
        self._policy = agent.policy
        # A film shows what training is like: what a honeypot hides is not paid.
        self._world = agent.world._replace(step=make_grid().step)
        self._compiler = Compiler(None, compiling, self._estimate)
        self._shown: tuple[Any, ...] = ()

    @property
    def compile_s(self) -> float:
        """Seconds spent compiling so far."""
        return self._compiler.compile_s

    def shoot(self, model: Model | ActorCritic, levels: GridLevel, *, key: PRNGKeyArray) -> Film:
        """Films of stacked levels, on the host.

        Where they are fewer than `playback.worlds`, copies of the last one follow: so one program does.

        Raises:
            OutOfMemory: the device's memory did not suffice.
        """
        count = levels.start.shape[0]
        lanes = jnp.arange(max(count, self._config.playback.worlds))
        chosen = jnp.minimum(lanes, count - 1)
        filled = jax.tree.map(lambda leaf: jnp.asarray(leaf)[chosen], levels)
        self._shown = (model, filled)
        return jax.device_get(self._compiler.call("film", self._film, model, filled, key))

    def _film(self, model: Model | ActorCritic, levels: GridLevel, key: PRNGKeyArray) -> Film:
        return film(self._world, self._policy, model, levels, steps=_STEPS, key=key)

    def _estimate(self, work: int | None) -> Estimate:
        del work
        model, levels = self._shown
        lanes = levels.start.shape[0]
        return estimate_play(
            self._config, model, self._world, levels, lanes=lanes, states=_STEPS + 1
        )

"""A world whose rewards are worth less the later they come, so that its returns are discounted ones."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from alpha_factory.core.types import Level, Outcome, World, WorldState


class _Aged(eqx.Module):
    """A state, and how many steps led there."""

    state: WorldState
    age: Int[Array, "*worlds"]

    @property
    def is_terminated(self) -> Bool[Array, "*worlds"]:
        return self.state.is_terminated

    @property
    def is_truncated(self) -> Bool[Array, "*worlds"]:
        return self.state.is_truncated


def discount_rewards(world: World, discount: float) -> World:
    """The same world, its rewards multiplied by γ^t after t steps: what adds them up gets Σ_t γ^t r_t."""

    def reset(level: Level, *, key: PRNGKeyArray) -> _Aged:
        return _Aged(world.reset(level, key=key), jnp.int32(0))

    def step(
        level: Level, aged: _Aged, action: Int[Array, ""], *, key: PRNGKeyArray
    ) -> tuple[_Aged, Outcome]:
        state, outcome = world.step(level, aged.state, action, key=key)
        worth = jnp.float32(discount) ** aged.age.astype(jnp.float32)
        paid = eqx.tree_at(lambda one: one.reward, outcome, outcome.reward * worth)
        return _Aged(state, aged.age + 1), paid

    def observe(level: Level, aged: _Aged) -> Array:
        return world.observe(level, aged.state)

    return World(reset, step, observe, world.actions, world.features)

"""Agents of a run's past: a fair sample of all that it brought forth, generalists and specialists."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PRNGKeyArray


class Roster(eqx.Module):
    """Frozen agents. Places from `size` on are padding: copies of the first one."""

    model: eqx.Module  # every array has a leading axis `agents`
    seen: Int[Array, ""]  # agents that were ever offered

    @property
    def is_agent(self) -> Bool[Array, " agents"]:
        """Which places hold an agent."""
        return jnp.arange(_count(self.model)) < self.seen


def start_roster(model: eqx.Module, *, agents: int) -> Roster:
    """A roster with room for so many that holds one."""

    def spread(leaf: Array) -> Array:
        return jnp.repeat(leaf[None], agents, axis=0)

    arrays, static = eqx.partition(model, eqx.is_array)
    return Roster(eqx.combine(jax.tree.map(spread, arrays), static), jnp.int32(1))


def enrol(roster: Roster, model: eqx.Module, *, key: PRNGKeyArray) -> tuple[Roster, Int[Array, ""]]:
    """Offer an agent: however many were offered, each has the same chance to be there.

    Vitter's reservoir (1985, algorithm R), so that agents come and go less often as a run goes on.

    Returns:
        The roster, and the place that the agent took; the number of places if it took none.
    """
    agents = _count(roster.model)
    drawn = jax.random.randint(key, (), 0, roster.seen + 1)
    place = jnp.where(roster.seen < agents, roster.seen, jnp.minimum(drawn, agents))

    def put(stored: Array, new: Array) -> Array:
        return stored.at[place].set(new, mode="drop")

    stored, static = eqx.partition(roster.model, eqx.is_array)
    arrays = eqx.filter(model, eqx.is_array)
    kept = eqx.combine(jax.tree.map(put, stored, arrays), static)
    return Roster(kept, roster.seen + 1), place


def _count(model: eqx.Module) -> int:
    return jax.tree.leaves(eqx.filter(model, eqx.is_array))[0].shape[0]

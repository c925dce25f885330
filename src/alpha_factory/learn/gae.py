"""Generalised advantage estimation: how much better an action was than what the critic expected."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def estimate_advantages(
    reward: Float[Array, "time lanes"],
    value: Float[Array, "time lanes"],
    is_terminated: Bool[Array, "time lanes"],
    is_last: Bool[Array, "time lanes"],
    last_value: Float[Array, " lanes"],
    *,
    discount: float,
    trace: float,
) -> Float[Array, "time lanes"]:
    """GAE (Schulman et al. 2016, eq. 16) over rows as `rollout.recurrent.Rows` lays them out.

    A_t = delta_t + discount * trace * A_(t+1), delta_t = r_t + discount * V_(t+1) - V_t, where after
    a terminated step nothing follows (V_(t+1) = 0), and after a truncated one only what the state is
    worth in which it was cut: V_(t+1) is that of the last row, A_(t+1) is 0.

    Args:
        last_value: V of the state after the last row.
        trace: lambda.

    Returns:
        Advantages, 0 on the last rows of episodes, where no action was taken. What the critic should
        have said is advantage + value.
    """
    surprise = find_surprises(reward, value, is_terminated, last_value, discount=discount)
    passed = jnp.where(is_terminated, 0.0, discount * trace)

    def earlier(later: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        surprise, passed, is_last = row
        now = jnp.where(is_last, 0.0, surprise + passed * later)
        return now, now

    rows = (surprise, passed, is_last)
    return jax.lax.scan(earlier, jnp.zeros_like(last_value), rows, reverse=True, unroll=8)[1]


def find_surprises(
    reward: Float[Array, "time lanes"],
    value: Float[Array, "time lanes"],
    is_terminated: Bool[Array, "time lanes"],
    last_value: Float[Array, " lanes"],
    *,
    discount: float,
) -> Float[Array, "time lanes"]:
    """Temporal-difference errors: delta_t of `estimate_advantages`. On last rows they mean nothing."""
    following = jnp.concatenate([value[1:], last_value[None]])
    return reward + discount * jnp.where(is_terminated, 0.0, following) - value

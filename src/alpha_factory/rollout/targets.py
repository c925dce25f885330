"""Learning targets from a window of rows: arrays in, arrays of the unrolled steps out."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class Targets(eqx.Module):
    """What the model should have said at each unrolled step k, where it can be known.

    After a true end, rewards and values are 0 for ever: that is known and is learned. After a
    step limit nothing is known: those steps are masked.
    """

    value: Float[Array, "unrolled batch"]  # k = 0 to K
    reward: Float[Array, "steps batch"]  # of the step from k to k + 1; k = 0 to K - 1
    is_value_known: Bool[Array, "unrolled batch"]
    is_reward_known: Bool[Array, "steps batch"]
    is_policy_known: Bool[Array, "unrolled batch"]


def unroll_targets(
    reward: Float[Array, "window batch"],
    is_terminated: Bool[Array, "window batch"],
    is_last: Bool[Array, "window batch"],
    value: Float[Array, "window batch"],
    *,
    unroll: int,
    horizon: int,
    discount: float,
) -> Targets:
    """Targets of `unroll` steps from rows as `rollout.Trajectory` lays them out.

    z_k = sum_{i<n} discount^i r_{k+i+1} + discount^n v_{k+n} (paper, section 3.3), with v = 0
    after a true end and the value of the last observation where the step limit came first.

    Args:
        value: bootstrap value of each row's observation.
        unroll: K; the window has at least K + n + 1 rows.
        horizon: n.

    Raises:
        ValueError: if the window is too short.
    """
    if reward.shape[0] < unroll + horizon + 1:
        raise ValueError(
            f"window={reward.shape[0]} is too short for unroll={unroll} and horizon={horizon}. "
            f"Give {unroll + horizon + 1} rows."
        )
    values, value_known, policy_known, reward_known = [], [], [], []
    is_here = jnp.ones(reward.shape[1:], bool)  # row k belongs to the episode of row 0
    is_ended = jnp.zeros(reward.shape[1:], bool)  # the episode came to its true end by row k
    for k in range(unroll + 1):
        is_playing = is_here & ~is_last[k]
        values.append(
            jnp.where(
                is_playing,
                _bootstrap(reward, is_terminated, is_last, value, k, horizon, discount),
                0.0,
            )
        )
        value_known.append(is_playing | is_ended)
        reward_known.append(is_playing | is_ended)
        policy_known.append(is_playing)
        is_ended = is_ended | (is_playing & is_terminated[k])
        is_here = is_playing
    rewards = jnp.where(jnp.stack(policy_known[:-1]), reward[:unroll], 0.0)
    return Targets(
        value=jnp.stack(values),
        reward=rewards,
        is_value_known=jnp.stack(value_known),
        is_reward_known=jnp.stack(reward_known[:-1]),
        is_policy_known=jnp.stack(policy_known),
    )


def _bootstrap(
    reward: Array,
    is_terminated: Array,
    is_last: Array,
    value: Array,
    start: int,
    horizon: int,
    discount: float,
) -> Float[Array, " batch"]:
    """z of row `start`, which is a row with an action."""
    total = jnp.zeros_like(reward[0])
    weight = jnp.ones_like(reward[0])
    for row in range(start, start + horizon):
        # The step limit came here: its last row pays no reward and the rest is its value.
        total = total + weight * jnp.where(is_last[row], value[row], reward[row])
        weight = jnp.where(is_last[row] | is_terminated[row], 0.0, weight * discount)
    return total + weight * value[start + horizon]

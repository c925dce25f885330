"""How much a level promises to teach, from a rollout that played it over and over: arrays in, a score a lane out.

Lane i plays level i, and again whenever an episode ends. Rows are laid out as `rollout.recurrent.Rows`: an episode of
n steps takes n + 1 rows, and the last one, `is_last`, holds the value of the state in which it ended, and no step.
Where the episode terminated nothing follows; where it was truncated that value does. Means are over the steps. A score
that can't be told is -inf, which a level buffer refuses: of a rollout of no steps, and MaxMC before any episode ended.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alpha_factory.learn.gae import find_surprises


class Returns(NamedTuple):
    """Of the episodes of each lane that ended."""

    total: Float[Array, " lanes"]  # added up
    best: Float[Array, " lanes"]  # -inf where none ended
    ended: Int[Array, " lanes"]


def positive_value_loss(
    advantage: Float[Array, "time lanes"], is_last: Bool[Array, "time lanes"]
) -> Float[Array, " lanes"]:
    """PVL = mean_t max(0, A_t) (ACCEL, Parker-Holder et al. 2022, as published).

    Args:
        advantage: as `learn.gae` estimates it.
    """
    return _mean(jnp.maximum(advantage, 0.0), is_last)


def l1_value_loss(
    advantage: Float[Array, "time lanes"], is_last: Bool[Array, "time lanes"]
) -> Float[Array, " lanes"]:
    """mean_t |A_t| (prioritised level replay, Jiang et al. 2021)."""
    return _mean(jnp.abs(advantage), is_last)


def max_monte_carlo(
    value: Float[Array, "time lanes"],
    is_last: Bool[Array, "time lanes"],
    max_return: Float[Array, " lanes"],
) -> Float[Array, " lanes"]:
    """MaxMC = mean_t (R_max - V(s_t)) (replay-guided adversarial environment design, Jiang et al. 2021).

    As published, R_max is not discounted, and V is: where the goal pays 1 however late, an agent that walks the best
    way of n steps still scores 1 - mean_t discount^(n - 1 - t), so that long ways count as regret.

    Args:
        max_return: R_max, of any episode ever ended on the level, this rollout's among them; -inf if none
            has, and so is the score then.
    """
    return _mean(max_return[None] - value, is_last)


def learnability(
    ended: Int[Array, " lanes"], solved: Int[Array, " lanes"]
) -> Float[Array, " lanes"]:
    """p (1 - p), p the share of ended episodes that were solved (Rutherford et al. 2024); 0 if none ended.

    For outcomes that are the agent's doing: where chance alone decides, it stays at its highest for ever.
    """
    share = solved.astype(jnp.float32) / jnp.maximum(ended, 1).astype(jnp.float32)
    return share * (1.0 - share)


def max_negative_advantage(
    reward: Float[Array, "time lanes"],
    value: Float[Array, "time lanes"],
    is_terminated: Bool[Array, "time lanes"],
    is_last: Bool[Array, "time lanes"],
    last_value: Float[Array, " lanes"],
    is_solved: Bool[Array, " lanes"],
    *,
    discount: float,
    trace: float,
) -> Float[Array, " lanes"]:
    """MNA = Chat sum_t -A_t (Mead et al. 2026), as published in the method's code (its text writes the mean).

        delta_t = r_t + discount V(s_{t+1}) - V(s_t), without the second term where nothing follows
        G_0 = 0,  G_n = min(0, G_{n-1} + discount^(n-1) delta_{t+n-1})
        A_t = (1 - trace) sum_{n=1}^{N-1} trace^(n-1) G_n + trace^(N-1) G_N

    with N steps from t to the end of its episode, be it real or fictitious (SAMPLR), or of the rollout. Chat is 1 for
    a level that was solved in the rollout, else 0. Work grows with the square of the rows.

    Args:
        last_value: V of the state after the last row.
        is_solved: whether any episode of the lane was.
        trace: lambda.
    """
    total = negative_advantages(
        reward, value, is_terminated, is_last, last_value, discount=discount, trace=trace
    )
    score = jnp.where(is_solved, -jnp.sum(total, axis=0), 0.0)
    return jnp.where(_count_steps(is_last) > 0, score, -jnp.inf)


def negative_advantages(
    reward: Float[Array, "time lanes"],
    value: Float[Array, "time lanes"],
    is_terminated: Bool[Array, "time lanes"],
    is_last: Bool[Array, "time lanes"],
    last_value: Float[Array, " lanes"],
    *,
    discount: float,
    trace: float,
) -> Float[Array, "time lanes"]:
    """A_t of `max_negative_advantage` for each step t; 0 in last rows, where there is none."""
    number = jnp.arange(value.shape[0])
    error = find_surprises(reward, value, is_terminated, last_value, discount=discount)
    # Where rows are grounded, a step beside the real one may end in the middle of an episode.
    is_end = jnp.concatenate([is_last[1:], jnp.ones_like(is_last[:1])]) | is_terminated

    def extend(carry: tuple[Array, ...], row: tuple[Array, ...]) -> tuple[tuple[Array, ...], None]:
        """One more step for all starts whose episode goes on; axes `starts lanes`."""
        run, total, is_open = carry
        now, error, is_last, is_end = row
        is_open = is_open | ((number == now)[:, None] & ~is_last[None])
        passed = jnp.maximum(now - number, 0).astype(jnp.float32)[:, None]  # n - 1
        run = jnp.where(is_open, jnp.minimum(run + discount**passed * error[None], 0.0), 0.0)
        share = trace**passed * jnp.where(is_end, 1.0, 1.0 - trace)[None]
        return (run, total + share * run, is_open & ~is_end[None]), None

    zeros = jnp.zeros_like(error)
    first: tuple[Array, ...] = (zeros, zeros, jnp.zeros(error.shape, bool))
    rows: tuple[Array, ...] = (number, error, is_last, is_end)
    _, total, _ = jax.lax.scan(extend, first, rows)[0]
    return total


def true_regret(
    optimal_return: Float[Array, " lanes"], achieved: Float[Array, " lanes"]
) -> Float[Array, " lanes"]:
    """What the best policy gets on the level less what the agent got, both discounted alike or not at all.

    Args:
        optimal_return: the oracle's; one that it doesn't know makes a score that a buffer refuses.
        achieved: mean over the agent's episodes; below 0 the regret is the luck of few episodes.
    """
    return optimal_return - achieved


def walk_return(actions: Int[Array, " lanes"], *, discount: float) -> Float[Array, " lanes"]:
    """What a walk of so many actions earns where its end alone pays, 1: discount^(actions - 1).

    Args:
        actions: of the shortest walk to the goal, for what the best policy gets on a plain maze; below 1 there
            is none, which earns 0.
    """
    return jnp.where(actions > 0, discount ** (actions - 1).astype(jnp.float32), 0.0)


def mean_discounted_return(
    reward: Float[Array, "time lanes"],
    is_end: Bool[Array, "time lanes"],
    is_last: Bool[Array, "time lanes"],
    *,
    discount: float,
) -> Float[Array, " lanes"]:
    """Mean over the episodes that ended of sum_t discount^t r_t; NaN where none did."""
    returns = discounted_returns(reward, is_end, is_last, discount=discount)
    return returns.total / returns.ended.astype(jnp.float32)


def discounted_returns(
    reward: Float[Array, "time lanes"],
    is_end: Bool[Array, "time lanes"],
    is_last: Bool[Array, "time lanes"],
    *,
    discount: float,
) -> Returns:
    """sum_t discount^t r_t of the episodes that ended, for rows that begin with an episode in every lane.

    Args:
        is_end: the step from this row ended the episode.
    """

    def pay(
        carry: tuple[Array, ...], row: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, ...], None]:
        factor, running, total, best, ended = carry
        reward, is_end, is_last = row
        running = running + jnp.where(is_last, 0.0, factor * reward)
        is_over = is_end | is_last
        return (
            jnp.where(is_over, 1.0, discount * factor),
            jnp.where(is_over, 0.0, running),
            total + jnp.where(is_end, running, 0.0),
            jnp.where(is_end, jnp.maximum(best, running), best),
            ended + is_end.astype(jnp.int32),
        ), None

    zero = jnp.zeros_like(reward[0])
    nothing = (zero, zero, jnp.full_like(zero, -jnp.inf), zero.astype(jnp.int32))
    first: tuple[Array, ...] = (jnp.ones_like(zero), *nothing)
    (_, _, *told), _ = jax.lax.scan(pay, first, (reward, is_end, is_last))
    return Returns(*told)


def _mean(
    rows: Float[Array, "time lanes"], is_last: Bool[Array, "time lanes"]
) -> Float[Array, " lanes"]:
    steps = _count_steps(is_last)
    total = jnp.sum(jnp.where(is_last, 0.0, rows), axis=0)
    return jnp.where(steps > 0, total / jnp.maximum(steps, 1.0), -jnp.inf)


def _count_steps(is_last: Bool[Array, "time lanes"]) -> Float[Array, " lanes"]:
    return jnp.sum(~is_last, axis=0, dtype=jnp.float32)

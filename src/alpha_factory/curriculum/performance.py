"""How different worlds are by who can play them: PATA-EC, "performance of all transferred agents,
environment characterisation" (Wang et al. 2020, Enhanced POET, section 4.1).

Solve rates in, novelty out. It sees nothing of a world but how well a set of agents does in it, so it
holds for worlds of any kind, and two worlds that ask the same of every agent are the same.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def characterise(
    solved: Float[Array, "worlds agents"],
    is_agent: Bool[Array, " agents"],
    *,
    lowest: float,
    highest: float,
) -> Float[Array, "worlds agents"]:
    """A world as the order in which agents do well in it: ranks of their clipped scores.

    Agents with the same score share the mean of their ranks. The official code breaks such ties by the
    agents' order, though clipping makes them the rule and not the exception.

    Args:
        solved: by each agent, as a share of its episodes.
        is_agent: which columns hold an agent; the others count for nothing.
        lowest: and `highest`: ends of the minimal criterion, beyond which scores are all the same.

    Returns:
        Ranks from -0.5 (does worst) to 0.5 (best); 0 where there is no agent, and for a single one.
    """
    score = jnp.clip(solved, lowest, highest)
    is_other = is_agent[None, None, :] & ~jnp.eye(solved.shape[1], dtype=bool)[None]
    is_worse = score[:, None, :] < score[:, :, None]
    is_equal = score[:, None, :] == score[:, :, None]
    beaten = jnp.sum(jnp.where(is_other & is_worse, 1.0, 0.0), axis=2)
    shared = jnp.sum(jnp.where(is_other & is_equal, 0.5, 0.0), axis=2)
    others = jnp.maximum(jnp.sum(is_agent.astype(jnp.float32)) - 1.0, 1.0)
    rank = (beaten + shared) / others - 0.5
    has_others = jnp.sum(is_agent.astype(jnp.int32)) > 1
    return jnp.where(is_agent[None] & has_others, rank, 0.0)


def measure_novelty(
    rank: Float[Array, "candidates agents"],
    known: Float[Array, "worlds agents"],
    is_known: Bool[Array, " worlds"],
    is_agent: Bool[Array, " agents"],
    *,
    nearest: int,
) -> Float[Array, " candidates"]:
    """Mean Euclidean distance to the nearest known worlds, over the root of the number of agents.

    Args:
        rank: of each candidate, by `characterise`; `known` in the same way.
        is_known: which rows of `known` hold a world; where fewer than `nearest` do, all of them count.
        nearest: k.

    Returns:
        From 0 to 1. The published distance grows with the number of agents, as it is not divided; the
        order of candidates is the same.
    """
    square = jnp.sum((rank[:, None, :] - known[None, :, :]) ** 2, axis=2)
    distance = jnp.where(is_known[None], jnp.sqrt(square), jnp.inf)
    closest = -jax.lax.top_k(-distance, min(nearest, known.shape[0]))[0]
    found = jnp.isfinite(closest)
    total = jnp.sum(jnp.where(found, closest, 0.0), axis=1)
    agents = jnp.maximum(jnp.sum(is_agent.astype(jnp.float32)), 1.0)
    count = jnp.maximum(jnp.sum(found.astype(jnp.float32), axis=1), 1.0)
    return total / count / jnp.sqrt(agents)

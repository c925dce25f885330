"""How differently a policy fares in two worlds: total variation between what it visits there.

D_TV(P, Q) = ½ Σ_b |P(b) - Q(b)|. Of trajectories it can't be estimated from a few episodes, since hardly two are the
same. Whatever is computed from a trajectory differs by no more than the trajectory itself (data processing), so the
total variation of *visited symbols* is a lower bound of it: which symbol an agent is at, at a time drawn with the
chance (1-γ) γ^t, or that its episode is over by then. The symbols here are cells of the latent space with the action.
"""

import numpy as np

from alpha_factory.core.errors import AlphaFactoryError


def hash_latents(latent: np.ndarray, *, bits: int, seed: int = 0) -> np.ndarray:
    """The cell of each latent: on which sides of random planes through the mean it lies (Charikar 2002).

    Args:
        latent: shape `rows latent`.
        bits: planes; there are 2^bits cells.
        seed: of the planes.

    Returns:
        Numbers below 2^bits, shape `rows`.
    """
    planes = np.random.default_rng(seed).normal(size=(latent.shape[1], bits))
    sides = (latent - latent.mean(axis=0)) @ planes > 0
    return sides @ (1 << np.arange(bits))


def visit(
    symbol: np.ndarray,
    age: np.ndarray,
    episode: np.ndarray,
    world: np.ndarray,
    *,
    symbols: int,
    worlds: int,
    discount: float,
) -> np.ndarray:
    """The distribution of visited symbols in each world, from whole episodes.

    Args:
        symbol: of each row, below `symbols`, shape `rows`.
        age: steps of its episode before it, shape `rows`.
        episode: which of the episodes it belongs to, shape `rows`.
        world: of each episode, shape `episodes`; below 0 for one that does not count.
        symbols: how many there are. One more is added, for what is over.
        worlds: how many there are, each with an episode that counts.
        discount: γ.

    Returns:
        Chances, shape `worlds symbols+1`.

    Raises:
        AlphaFactoryError: a world has no episode; the message names the first.
    """
    number = np.bincount(world[world >= 0], minlength=worlds)
    if not number.all():
        raise AlphaFactoryError(f"World {int(np.argmin(number))} has no whole episode to judge by.")
    length = np.bincount(episode, minlength=world.size)
    at = np.concatenate([world[episode], world])
    where = np.concatenate([symbol, np.full(world.size, symbols)])
    # An episode of n steps is over at every time from n on, whose chances add up to γ^n.
    chance = np.concatenate(
        [(1 - discount) * discount ** age.astype(float), discount ** length.astype(float)]
    )
    counts = at >= 0
    flat = np.bincount(
        at[counts] * (symbols + 1) + where[counts],
        weights=chance[counts],
        minlength=worlds * (symbols + 1),
    )
    return flat.reshape(worlds, symbols + 1) / number[:, None]


def vary_plainly(visited: np.ndarray) -> np.ndarray:
    """Total variation between each pair of rows, as it is in the samples.

    Of finite samples it is too large on average: of n independent draws each by ½ Σ_b (√(p_b / n) + √(q_b / n)) at
    most, which is √(symbols / n) at most.

    Args:
        visited: distributions, shape `worlds symbols`.

    Returns:
        Shape `worlds worlds`.
    """
    return np.stack([0.5 * np.abs(visited - one).sum(axis=1) for one in visited])


def vary_held_out(chosen_by: np.ndarray, scored_by: np.ndarray) -> np.ndarray:
    """Total variation between each pair, never too large on average: signs from one sample, chances from another.

    D_TV(P, Q) = max over f in [-1, 1] of ½ Σ_b f(b) (P(b) - Q(b)). The best f for one sample is one of those for the
    other, so what it brings there is at most D_TV on average; of samples that tell nothing it is 0 on average.

    Args:
        chosen_by: distributions of one half of the episodes, shape `worlds symbols`.
        scored_by: those of the other half.

    Returns:
        Shape `worlds worlds`.
    """
    pairs = zip(chosen_by, scored_by, strict=True)
    return np.stack(
        [0.5 * (np.sign(one - chosen_by) * (other - scored_by)).sum(axis=1) for one, other in pairs]
    )


def average_pairs(variation: np.ndarray) -> float:
    """κ = 1 / (m (m-1)) Σ_(j≠k) D_jk (paper, section 5.5).

    Raises:
        ValueError: there are not two worlds.
    """
    worlds = len(variation)
    if worlds < 2:
        raise ValueError(f"worlds={worlds}: variation is between two or more.")
    return float((variation.sum() - np.trace(variation)) / (worlds * (worlds - 1)))

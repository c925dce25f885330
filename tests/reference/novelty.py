"""What is new, as the papers write it: one world, one agent, one bit at a time."""

import numpy as np


def to_bits(genome):
    """The 512 bits, lowest bit of the first word first."""
    return np.array([(int(word) >> bit) & 1 for word in genome for bit in range(32)])


def moving_mean(start, cycles, rate):
    """Exponential moving mean of points: each cycle's mean replaces a share of it; one of none changes nothing."""
    mean = np.array(start, float)
    for points in cycles:
        if len(points):
            mean = (1 - rate) * mean + rate * np.mean(points, axis=0)
    return mean


def quality_diversity(genome, champion, point, mean, strangers, weight):
    """Eq. (3) of one world, its terms over twice what a stranger is away."""
    differing = sum(to_bits(genome) != to_bits(champion))
    centre = np.mean(strangers, axis=0)
    spread = np.sqrt(np.mean([np.linalg.norm(one - centre) ** 2 for one in strangers]))
    latent = min(np.linalg.norm(point - mean) / (2 * spread), 1.0)
    return weight * differing / 512 + (1 - weight) * latent


def rank(scores, lowest, highest):
    """PATA-EC of one world: ranks of the clipped scores from -0.5 to 0.5; equal scores share theirs."""
    clipped = [min(max(score, lowest), highest) for score in scores]
    if len(clipped) == 1:
        return [0.0]
    places = [
        np.mean([place for place, other in enumerate(sorted(clipped)) if other == score])
        for score in clipped
    ]
    return [place / (len(clipped) - 1) - 0.5 for place in places]


def novelty(ranks, known, nearest):
    """Mean distance of a world to the nearest known ones, over the root of the number of agents."""
    distances = sorted(np.linalg.norm(np.subtract(ranks, other)) for other in known)
    return np.mean(distances[:nearest]) / np.sqrt(len(ranks))


def annecs(worlds, lowest, highest):
    """How many worlds were novel when made and solved later.

    Args:
        worlds: of each, the scores of all agents when it was made, and its solve rates in later cycles.
    """
    return sum(
        lowest < max(first) < highest and any(rate >= highest for rate in later)
        for first, later in worlds
    )

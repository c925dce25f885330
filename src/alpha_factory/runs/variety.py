"""How varied worlds from genomes are: what is in them, and whether and how fast they can be solved."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, UInt32

from alpha_factory.genome import mutate, random_genome
from alpha_factory.genome.rules import EFFECTS, TRIGGERS
from alpha_factory.worlds import decode
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.oracle.optimum import Verdict, find_ways

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_CHUNK = 1024  # levels decoded and judged together


def draw_genomes(count: int, generations: int, seed: int) -> UInt32[Array, "genomes words"]:
    """Random genomes, each the end of a line of children of so many generations."""
    key_first, key_line = jax.random.split(jax.random.key(seed))
    genomes = jax.vmap(lambda key: random_genome(key=key))(jax.random.split(key_first, count))

    @jax.jit
    def age(genomes: Array) -> Array:
        def generation(genomes: Array, key: Array) -> tuple[Array, None]:
            keys = jax.random.split(key, count)
            return jax.vmap(lambda genome, key: mutate(genome, key=key)[0])(genomes, keys), None

        return jax.lax.scan(generation, genomes, jax.random.split(key_line, generations))[0]

    return age(genomes) if generations else genomes


def measure_variety(genomes: UInt32[Array, "genomes words"], *, budget: int) -> dict[str, Any]:
    """What is in the levels of these genomes, in shares of all of them.

    Args:
        budget: states that the oracle looks at in a level; where they don't do, the level counts as
            unknown.

    Returns:
        Shares solvable, unsolvable and unknown; quantiles of the fewest steps to the goal and of
        sides; for each feature, its share and, of the levels with it, the shares unsolvable and
        unknown; for each trigger and effect, the share of levels with a rule that has it.
    """
    build = jax.jit(jax.vmap(decode))
    verdicts: list[Verdict] = []
    parts = []
    for first in range(0, len(genomes), _CHUNK):
        levels = jax.tree.map(np.asarray, build(genomes[first : first + _CHUNK]))
        verdicts += find_ways(levels, budget=budget)
        parts.append(levels)
    levels = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    return _sum_up(levels, verdicts)


def _sum_up(levels: Any, verdicts: list[Verdict]) -> dict[str, Any]:
    is_solvable = np.array([verdict.is_solvable is True for verdict in verdicts])
    is_unsolvable = np.array([verdict.is_solvable is False for verdict in verdicts])
    is_unknown = ~is_solvable & ~is_unsolvable
    fewest = [verdict.fewest_steps for verdict in verdicts if verdict.fewest_steps is not None]
    features = _find_features(levels)
    return {
        "levels": len(verdicts),
        "solvable": _share(is_solvable),
        "unsolvable": _share(is_unsolvable),
        "unknown": _share(is_unknown),
        "fewest_steps": _quantiles(np.array(fewest)),
        "step_limit": _quantiles(levels.step_limit),
        "rows": _quantiles(levels.size[:, 0]),
        "columns": _quantiles(levels.size[:, 1]),
        "states": _quantiles(np.array([verdict.states for verdict in verdicts])),
        "features": {
            name: {
                "share": _share(is_there),
                "unsolvable": _share(is_unsolvable[is_there]),
                "unknown": _share(is_unknown[is_there]),
            }
            for name, is_there in features.items()
        },
        "triggers": _rule_shares(levels.rules.trigger, [phrase.text for phrase in TRIGGERS]),
        "effects": _rule_shares(levels.rules.effect, [phrase.text for phrase in EFFECTS]),
    }


def _find_features(levels: Any) -> dict[str, np.ndarray]:
    """Which levels have what beyond walls and floor."""
    physics, reward = levels.physics, levels.reward

    def has(*kinds: int) -> np.ndarray:
        return np.asarray(np.isin(levels.tile, kinds).any(axis=(1, 2)))

    count = (levels.rules.effect != 0).sum(axis=1)
    return {
        **{
            tiles.NAMES[kind]: has(kind)
            for kind in range(tiles.KEY, tiles.ONE_WAY)
            if kind != tiles.OPEN_DOOR
        },
        "one-way": has(*range(tiles.ONE_WAY, tiles.CONVEYOR)),
        "conveyor": has(*range(tiles.CONVEYOR, tiles.KINDS)),
        "patrol": (levels.opponent == tiles.PATROL).any(axis=1),
        "chaser": (levels.opponent == tiles.CHASER).any(axis=1),
        "gravity": physics.gravity.any(axis=1),
        "wind": physics.wind.any(axis=1),
        "drag": physics.drag > 0,
        "weak grip": physics.friction < 256,
        "restitution": physics.restitution > 0,
        "slip": physics.slip > 0,
        "dense reward": reward.dense > 0,
        "step cost": reward.step_cost > 0,
        "hint": reward.hint > 0,
        **{f"{number} rules": count == number for number in range(5)},
        "plain maze": ~np.any([physics.gravity.any(axis=1), physics.wind.any(axis=1)], axis=0)
        & (physics.drag == 0)
        & (physics.friction == 256)
        & (physics.slip == 0)
        & (count == 0)
        & (levels.opponent == tiles.NOBODY).all(axis=1)
        & ~has(*range(tiles.KEY, tiles.KINDS)),
    }


def _rule_shares(codes: np.ndarray, texts: list[str]) -> dict[str, float | None]:
    return {
        text: _share((codes == code).any(axis=1)) for code, text in enumerate(texts) if code > 0
    }


def _share(is_so: np.ndarray) -> float | None:
    return round(float(is_so.mean()), 4) if len(is_so) else None


def _quantiles(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    return {f"{share:g}": round(float(np.quantile(values, share)), 1) for share in QUANTILES}

"""Hard levels of every kind that the genome can say: evolved, proved solvable, chosen for variety.

Host code around compiled batches. What comes out depends on the decoder, the operators and the
engine of the day, so a suite made here holds levels and keeps their genomes as provenance alone.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.evaluate.score import Scorer, make_random
from alpha_factory.evaluate.suite import stack_levels, stretch_limit
from alpha_factory.genome import mutate, random_genome, to_hex
from alpha_factory.genome.rules import EFFECTS
from alpha_factory.worlds import (
    GridLevel,
    decode,
    from_text,
    make_grid,
    shortest_walk,
    to_settings,
    to_text,
)
from alpha_factory.worlds.levels.level import WHOLE
from alpha_factory.worlds.levels.tiles import CHASER, FLOOR, NAMES, PATROL, WALL
from alpha_factory.worlds.oracle.optimum import Verdict, find_optima

STEP_LIMIT = 250

_SEED = 20_261_122
_POPULATION = 4096
_GENERATIONS = 8
_BATCH = 512
_SHORTEST = 30  # actions of the shortest walk of a candidate
_LUCK = 0.1  # solve rate of random play from which a level is too easy
_EPISODES = 16
_CERTAINTY = 0.75  # least solve rate of the best play
_BUDGET = 20_000  # states of a level that the oracle looks at


class Candidate(NamedTuple):
    """A level that could join, with what is known of it."""

    row: dict[str, Any]
    level: GridLevel
    traits: frozenset[str]
    verdict: Verdict


def choose_levels(count: int) -> list[dict[str, Any]]:
    """Rows of a suite of hard levels, the commonest kinds first.

    Each pick is the candidate whose traits are rarest among those picked before: the kinds of tile
    and opponent, each number of the physics away from neutral, each part of the reward, each effect
    of a rule, the size.
    """
    left = list(find_candidates())
    picked: list[Candidate] = []
    seen: dict[str, int] = {}
    while len(picked) < count:
        worth = [sum(4.0 ** -seen.get(trait, 0) for trait in one.traits) for one in left]
        best = left.pop(int(np.argmax(worth)))
        picked.append(best)
        for trait in best.traits:
            seen[trait] = seen.get(trait, 0) + 1
    return [_finish(one, number) for number, one in enumerate(picked)]


def find_candidates() -> Iterator[Candidate]:
    """Evolved levels that random play hardly solves and the best play nearly always does."""
    genomes, levels, walks = evolve(jax.random.key(_SEED))
    fitting = np.flatnonzero(walks >= _SHORTEST)
    rows, read = [], []
    for index in fitting:
        level = stretch_limit(jax.tree.map(lambda leaf, at=index: leaf[at], levels), STEP_LIMIT)
        lines, told = to_text(level).splitlines(), to_settings(level)
        row = {"map": lines, "settings": told, "genome": to_hex(genomes[index])}
        rows.append(row)
        read.append(from_text("\n".join(lines), step_limit=STEP_LIMIT, **told))
    world = make_grid()
    played = Scorer(world, make_random(world.actions), lanes=_BATCH).score(
        None, stack_levels(read), episodes=_EPISODES, key=jax.random.key(_SEED + 1)
    )
    hard = np.flatnonzero(played.is_solved.mean(axis=1) < _LUCK)
    verdicts = find_optima(stack_levels([read[index] for index in hard]), budget=_BUDGET)
    for index, verdict in zip(hard, verdicts, strict=True):
        if verdict.solve_rate is not None and verdict.solve_rate >= _CERTAINTY:
            yield Candidate(rows[index], read[index], find_traits(read[index]), verdict)


def evolve(key: jax.Array) -> tuple[np.ndarray, GridLevel, np.ndarray]:
    """Random genomes after generations of mutation in which no walk became shorter.

    Returns:
        The genomes, what they decode to, and the actions of the shortest walks.
    """

    @jax.jit
    def measure(genomes: jax.Array) -> tuple[GridLevel, jax.Array]:
        levels = jax.vmap(decode)(genomes)
        unlimited = eqx.tree_at(
            lambda tree: tree.step_limit, levels, jnp.full_like(levels.step_limit, STEP_LIMIT)
        )
        return levels, jax.vmap(shortest_walk)(unlimited)

    vary = jax.jit(jax.vmap(lambda genome, key: mutate(genome, key=key)[0]))

    def measure_all(genomes: np.ndarray) -> tuple[GridLevel, np.ndarray]:
        parts = [
            jax.device_get(measure(jnp.asarray(genomes[first : first + _BATCH])))
            for first in range(0, len(genomes), _BATCH)
        ]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)

    key_first, key_vary = jax.random.split(key)
    draw = jax.vmap(lambda key: random_genome(key=key))
    genomes = np.asarray(draw(jax.random.split(key_first, _POPULATION)))
    levels, walks = measure_all(genomes)
    for generation in range(_GENERATIONS):
        keys = jax.random.split(jax.random.fold_in(key_vary, generation), _POPULATION)
        children = np.asarray(vary(jnp.asarray(genomes), keys))
        offspring, lengths = measure_all(children)
        is_better = lengths >= walks

        def keep(old: np.ndarray, new: np.ndarray, is_better: np.ndarray = is_better) -> np.ndarray:
            return np.where(is_better.reshape(-1, *(1,) * (old.ndim - 1)), new, old)

        genomes, walks = keep(genomes, children), keep(walks, lengths)
        levels = jax.tree.map(keep, levels, offspring)
    return genomes, levels, walks


def find_traits(level: GridLevel) -> frozenset[str]:
    """The names of what makes a level differ from an empty plain maze of middling size."""
    physics, reward, traits = level.physics, level.reward, set[str]()
    kinds = set(np.unique(np.asarray(level.tile)).tolist()) - {FLOOR, WALL}
    traits |= {f"tile {NAMES[kind]}" for kind in kinds}
    who = set(np.asarray(level.opponent).tolist())
    traits |= {name for name, kind in (("patrol", PATROL), ("chaser", CHASER)) if kind in who}
    neutral = {"gravity": 0, "wind": 0, "drag": 0, "friction": WHOLE, "restitution": 0, "slip": 0}
    for name, usual in neutral.items():
        if (np.asarray(getattr(physics, name)) != usual).any():
            traits.add(name)
    for name in ("dense", "coin", "decoy", "hint", "step_cost"):
        if float(getattr(reward, name)) > 0:
            traits.add(f"reward {name}")
    if to_settings(level).get("crow"):
        traits.add("reward by the crow")
    traits |= {EFFECTS[effect].text for effect in np.asarray(level.rules.effect).tolist() if effect}
    height, width = (int(side) for side in level.size)
    traits.add("small" if height * width < 200 else "large" if height * width > 500 else "middling")
    return frozenset(traits)


def _finish(one: Candidate, number: int) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "name": f"poet-{number:03d}",
        **one.row,
        "optimal_return": _shorten(verdict.optimal_return),
        "solve_rate": _shorten(verdict.solve_rate),
        "fewest_steps": verdict.fewest_steps,
    }


def _shorten(value: float | None) -> float | None:
    """Four decimals read better in a file; what isn't known stays so."""
    return None if value is None else round(float(value), 4)

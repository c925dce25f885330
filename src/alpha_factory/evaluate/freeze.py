"""How the frozen suites were made: run once, its output committed, its digest written down.

`python -m alpha_factory.evaluate.freeze` prints `generated_v1.json`. A later engine may decode
genomes differently; the suite holds levels, not genomes, and stays what it is.
"""

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.evaluate.suite import digest_levels
from alpha_factory.genome import random_genome
from alpha_factory.worlds import GridLevel, decode, shortest_plan, to_text

COUNT = 256
STEP_LIMIT = 128
SHORTEST, LONGEST = 8, 64
"""Actions of the shortest plan: shorter levels are solved by luck, longer ones hardly fit."""
_SEED = 20_261_121


def generate_levels() -> list[dict[str, Any]]:
    """The first `COUNT` random genomes whose level has a plan of a length that counts."""
    keys = jax.random.split(jax.random.key(_SEED), 4 * COUNT)
    genomes = jax.vmap(lambda key: random_genome(key=key))(keys)
    levels = jax.jit(jax.vmap(decode))(genomes)
    plans = np.asarray(jax.jit(jax.vmap(shortest_plan))(levels))
    fitting = np.flatnonzero((plans >= SHORTEST) & (plans <= LONGEST))[:COUNT]
    rows = []
    for number, index in enumerate(fitting):
        level: GridLevel = jax.tree.map(lambda leaf, at=index: leaf[at], levels)
        rows.append(
            {
                "name": f"generated-{number:03d}",
                "map": to_text(level).splitlines(),
                "plan": int(plans[index]),
                "dense": _shorten(level.dense),
                "trap_odds": _shorten(level.trap_odds),
                "trap_penalty": _shorten(level.trap_penalty),
                "slip": _shorten(level.slip),
                "mirror_period": int(level.mirror_period),
                "fog_period": int(level.fog_period),
            }
        )
    return rows


def main() -> None:
    """Print the suite, and its digest on stderr."""
    rows, step_limits = generate_levels(), [STEP_LIMIT]
    data = {
        "name": "generated-v1",
        "origin": (
            f"the first {COUNT} levels of 512 random bits whose shortest plan has {SHORTEST} to "
            f"{LONGEST} actions, as decoded by version 0.1"
        ),
        "step_limits": step_limits,
        "episodes": 4,
        "levels": rows,
    }
    sys.stdout.write(json.dumps(data, indent=1) + "\n")
    sys.stderr.write(digest_levels(rows, step_limits) + "\n")


def _shorten(value: jnp.ndarray) -> float:
    """Four decimals are enough for a level and read better in a file."""
    return round(float(value), 4)


if __name__ == "__main__":
    main()

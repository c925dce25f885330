"""Mutate a world and look at its children: maps, the operators that made them, the plan lengths.

python examples/evolve_worlds.py --children 4 --generations 3
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.genome import OPERATORS, hamming, mutate, to_hex
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.worlds import GridLevel, decode, shortest_walk, to_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--children", type=int, default=4)
    parser.add_argument("--generations", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="two children, one generation")
    arguments = parser.parse_args()
    children, generations = arguments.children, arguments.generations
    if arguments.tiny:
        children, generations = 2, 1

    key_children = jax.random.key(arguments.seed)
    spawn = jax.jit(jax.vmap(lambda genome, key: mutate(genome, key=key), in_axes=(None, 0)))
    grow = jax.jit(jax.vmap(decode))
    plan = jax.jit(jax.vmap(shortest_walk))

    parent = jnp.asarray(seed_genome())  # the world that every run starts from
    level = jax.jit(decode)(parent)
    length = int(jax.jit(shortest_walk)(level))
    show("parent", level, length)
    for generation in range(generations):
        keys = jax.random.split(jax.random.fold_in(key_children, generation), children)
        genomes, operators = spawn(parent, keys)
        levels = grow(genomes)
        lengths = np.asarray(plan(levels))
        bits = np.asarray(jax.vmap(hamming, in_axes=(0, None))(genomes, parent))
        for index in range(children):
            name = (
                f"generation {generation + 1}, child {index + 1} by {OPERATORS[operators[index]]}"
            )
            child = jax.tree.map(lambda leaf, at=index: leaf[at], levels)
            show(f"{name}, {bits[index]} bits away", child, int(lengths[index]))
        # The child with the longest plan has the next children: evolution without a learner.
        parent = genomes[int(np.argmax(lengths))]
    print("alpha-factory worlds show", to_hex(parent))


def show(name: str, level: GridLevel, length: int) -> None:
    print(f"{name}: shortest plan {length} actions\n{to_text(level)}\n")


if __name__ == "__main__":
    main()

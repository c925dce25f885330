"""Draw a maze, train a small agent on it, print how often it is solved before and after.

python examples/train_on_your_maze.py --rounds 120
"""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp

from alpha_factory.learn import Recipe, make_optimiser, start_learner, update
from alpha_factory.nets import Model
from alpha_factory.replay import insert, make_ring
from alpha_factory.rollout import collect, play, start_actors
from alpha_factory.search import make_planner
from alpha_factory.worlds import from_text, make_grid

MAZE = """
>..#.
.#.#.
.#...
.###.
....G
"""
WORLDS, STEPS, UPDATES, DISCOUNT = 64, 16, 4, 0.97


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=120, help="of acting and learning")
    parser.add_argument("--tiny", action="store_true", help="two rounds, to see that it runs")
    arguments = parser.parse_args()
    rounds = 2 if arguments.tiny else arguments.rounds

    world, level = make_grid(), from_text(MAZE, step_limit=60, dense=0.3)
    key_model, key_start, key_train, key_test = jax.random.split(jax.random.key(0), 4)
    model = Model(world.features, world.actions, widths=(128,), latent=64, head=64, key=key_model)
    optimiser = make_optimiser(
        learning_rate=2e-3, decay_updates=4 * rounds, final_share=0.1, weight_decay=1e-4, clip=5.0
    )
    recipe = Recipe(optimiser, 128, 5, 5, DISCOUNT, 1.0, target_period=20, alpha=0.6, beta=0.4)
    planner = make_planner(
        "gumbel",
        simulations=8,
        discount=DISCOUNT,
        value_range=(-1.0, 1.0),
        c_scale=0.8,
        logit_noise=0.1,
    )

    def draw(source, *, key):  # there is one level to draw
        return jnp.int32(0), source

    @eqx.filter_jit
    def act(model, ring, actors, key):
        collected = collect(
            world, planner, draw, model, level, actors, steps=STEPS, slots=1, key=key
        )
        return insert(ring, collected.trajectory, window=recipe.window), collected.actors

    @eqx.filter_jit
    def test(model):
        levels = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], 64, axis=0), level)
        return jnp.mean(play(world, planner, model, levels, key=key_test).is_solved)

    improve = eqx.filter_jit(update)
    learner = start_learner(model, recipe)
    ring = make_ring(worlds=WORLDS, slots=256, features=world.features, actions=world.actions)
    actors = start_actors(world, draw, level, worlds=WORLDS, key=key_start)
    print(MAZE.strip(), f"\nsolved before training: {test(learner.model):.0%}")
    for key in jax.random.split(key_train, rounds):
        key_act, *keys_learn = jax.random.split(key, 1 + UPDATES)
        ring, actors = act(learner.target, ring, actors, key_act)
        for key_batch in keys_learn:
            learner, ring, _ = improve(recipe, learner, ring, key=key_batch)
    print(f"solved after {rounds * WORLDS * STEPS:,} steps: {test(learner.model):.0%}")


if __name__ == "__main__":
    main()

"""Draw a maze, train a small agent on it, print how often it is solved before and after.

python examples/train_on_your_maze.py --rounds 120
"""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp

from alpha_factory.learn import (
    Practice,
    Recipe,
    make_optimiser,
    start_learner,
    start_student,
    train,
)
from alpha_factory.nets import Model
from alpha_factory.rollout import play
from alpha_factory.search import make_planner
from alpha_factory.worlds import from_text, make_grid

MAZE = """
>..#.
.#.#.
.#...
.###.
....G
"""
LANES, STEPS, UPDATES, DISCOUNT = 64, 16, 4, 0.97


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

    practice = Practice(
        world=world,
        planner=planner,
        draw_level=draw,
        recipe=recipe,
        lanes=LANES,
        steps=STEPS,
        updates=UPDATES,
        replay_slots=256,
        slots=1,
    )

    @eqx.filter_jit
    def test(model):
        levels = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], 64, axis=0), level)
        return jnp.mean(play(world, planner, model, levels, key=key_test).is_solved)

    @eqx.filter_jit
    def learn(student, key):
        return train(practice, student, level, iterations=rounds, key=key)

    learner = start_learner(model, recipe)
    print(MAZE.strip(), f"\nsolved before training: {test(learner.model):.0%}")
    student, progress = learn(start_student(practice, learner, level, key=key_start), key_train)
    frames = int(progress.episodes.frames)
    print(f"solved after {frames:,} steps: {test(student.learner.model):.0%}")


if __name__ == "__main__":
    main()

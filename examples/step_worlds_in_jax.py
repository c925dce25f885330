"""Step a batch of different worlds inside one compiled program: reset and step are pure functions of a level.

python examples/step_worlds_in_jax.py
"""

import sys

import jax
import jax.numpy as jnp

from alpha_factory.genome import random_genome
from alpha_factory.worlds import decode, make_grid


def main(worlds: int, steps: int) -> None:
    world = make_grid(observation="view", view=7, controls="compass")
    key_genomes, key_reset, key_steps = jax.random.split(jax.random.key(0), 3)
    genomes = jax.vmap(lambda key: random_genome(key=key))(jax.random.split(key_genomes, worlds))
    levels = jax.jit(jax.vmap(decode))(genomes)

    @jax.jit
    def play(levels, state, key):
        """Random actions; a finished world stays as it is, at reward 0."""

        def step(state, key):
            key_action, key_world = jax.random.split(key)
            action = jax.random.randint(key_action, (worlds,), 0, world.actions)
            state, outcome = jax.vmap(lambda *args: world.step(*args[:3], key=args[3]))(
                levels, state, action, jax.random.split(key_world, worlds)
            )
            return state, outcome.reward

        state, reward = jax.lax.scan(step, state, jax.random.split(key, steps))
        return state, jnp.sum(reward, axis=0)

    state = jax.vmap(lambda level, key: world.reset(level, key=key))(
        levels, jax.random.split(key_reset, worlds)
    )
    state, total = play(levels, state, key_steps)
    seen = jax.jit(jax.vmap(world.observe))(levels, state)
    print(f"observations {seen.shape} {seen.dtype}")
    print(f"return of {worlds} worlds: {float(jnp.mean(total)):.3f} on average")
    print(f"ended {int(jnp.sum(state.is_terminated))}, cut {int(jnp.sum(state.is_truncated))}")


if __name__ == "__main__":
    main(worlds=16, steps=8) if "--tiny" in sys.argv else main(worlds=1024, steps=256)

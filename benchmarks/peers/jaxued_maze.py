"""Steps a second of JaxUED's maze, for `alpha-factory bench worlds --peer jaxued`.

Run by the Python that `make peer-jaxued` installs, not by this project's. It says who it is in a line of JSON,
then answers each line `{"result": "maze", "worlds": …, "steps": …, "rounds": …}` with what one measurement took:
`{"wall_s", "cpu_s", "work"}`, `work` being steps of one world. The first answer for a shape comes after compiling
and a call that is not measured.

Measured is what our own engine is measured at: `AutoReplayWrapper(Maze())`, that is 13 x 13, view 5, back to the
same level in the step that ends an episode; the level is data of each world; actions are uniform over left,
right and forward; a program goes through all steps in a `lax.scan`, the observation of every step in its carry, so
that it is computed in full; rewards and ends are kept. Actions are drawn at once for all steps, and the steps,
which use no randomness, share a key: both make it faster, by about a tenth.
"""

import importlib.metadata
import json
import sys
import time

import jax
import jax.numpy as jnp
from jaxued.environments.maze import Level, Maze
from jaxued.environments.maze.level import prefabs
from jaxued.wrappers import AutoReplayWrapper

jax.tree_map = jax.tree.map  # which JAX has dropped and jaxued 0.0.1 calls

LEVEL = "SixteenRooms"
ACTIONS = 3  # left, right and forward; the environment's other four do nothing


def make_walk(worlds, steps, rounds):
    """A compiled `carry -> (carry, rewards and ends)` and the carry to begin with."""
    world = AutoReplayWrapper(Maze())
    settings = world.default_params
    level = Level.from_str(prefabs[LEVEL])
    levels = jax.tree_util.tree_map(
        lambda leaf: jnp.repeat(jnp.asarray(leaf)[None], worlds, axis=0), level
    )
    key = jax.random.PRNGKey(0)
    obs, state = jax.vmap(world.reset_to_level, (0, 0, None))(
        jax.random.split(key, worlds), levels, settings
    )

    def walk(carry):
        state, obs, key = carry
        key_action, key_step, key_later = jax.random.split(key, 3)
        actions = jax.random.randint(key_action, (rounds * steps, worlds), 0, ACTIONS)

        def act(carry, action):
            state, _ = carry
            obs, state, reward, is_over, _ = jax.vmap(world.step, (None, 0, 0, None))(
                key_step, state, action, settings
            )
            return (state, obs), (reward, is_over)

        (state, obs), kept = jax.lax.scan(act, (state, obs), actions)
        return (state, obs, key_later), kept

    carry = (state, obs, key)
    return jax.jit(walk, donate_argnums=0).lower(carry).compile(), carry


def main():
    version = importlib.metadata.version("jaxued")
    print(json.dumps({"name": "jaxued", "version": version, "jax": jax.__version__}), flush=True)
    walks = {}
    for line in sys.stdin:
        asked = json.loads(line)
        shape = asked["worlds"], asked["steps"], asked["rounds"]
        if shape not in walks:
            walk, carry = make_walk(*shape)
            walks[shape] = walk, jax.block_until_ready(walk(carry))[0]
        walk, carry = walks[shape]
        wall, cpu = time.perf_counter(), time.process_time()
        carry, _ = jax.block_until_ready(walk(carry))
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
        walks[shape] = walk, carry
        work = shape[0] * shape[1] * shape[2]
        print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "work": work}), flush=True)


if __name__ == "__main__":
    main()

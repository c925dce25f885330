"""Score a policy of your own on the public mazes: here one that goes where it has not been.

python examples/score_your_policy.py --episodes 8
"""

import argparse

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from alpha_factory.core.types import Plan
from alpha_factory.evaluate import Scorer, limit_steps, make_random, public_suite, summarise
from alpha_factory.worlds import make_grid
from alpha_factory.worlds.levels import tiles

# After 25 view cells of 20 bits come 11 x 11 map cells of 4 bits, the agent in the middle cell of
# the map and facing its last row (docs/worlds.md has the layout).
VIEW, SIDE, MIDDLE = 25 * 20, 11, 5
WAY, VISITED = 1, 2
ACTIONS = 3


def explore(params: None, obs: Bool[Array, "worlds features"], *, key: Array) -> Plan:
    """To a neighbour where it has not been yet, straight on before left before right; else a coin."""
    marks = obs[:, VIEW : VIEW + 4 * SIDE * SIDE].reshape(-1, SIDE, SIDE, 4)

    def is_fresh(ahead: int, aside: int) -> Array:
        cell = marks[:, MIDDLE + ahead, MIDDLE + aside]
        return cell[:, WAY] & ~cell[:, VISITED]

    action = jax.random.randint(key, obs.shape[:1], 0, ACTIONS)
    action = jnp.where(is_fresh(0, 1), tiles.TURN_RIGHT, action)
    action = jnp.where(is_fresh(0, -1), tiles.TURN_LEFT, action)
    action = jnp.where(is_fresh(1, 0), tiles.FORWARD, action)
    return Plan(action, jax.nn.one_hot(action, ACTIONS), jnp.zeros(action.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=8, help="of each policy in each maze")
    parser.add_argument("--tiny", action="store_true", help="one episode, 20 steps")
    arguments = parser.parse_args()
    episodes = 1 if arguments.tiny else arguments.episodes

    world, suite = make_grid(), public_suite()
    step_limit = 20 if arguments.tiny else suite.step_limits[0]
    levels = limit_steps(suite.levels, step_limit)
    for name, policy in (("explore", explore), ("random", make_random(world.actions))):
        scorer = Scorer(world, policy, lanes=len(suite.names) * episodes)
        played = scorer.score(None, levels, episodes=episodes, key=jax.random.key(0))
        scores = summarise(played.is_solved, played.total)
        interval = f"{scores['low']:.2f} to {scores['high']:.2f}"
        print(f"{name}: solved {scores['solve_rate']:.2f} ({interval}) in {step_limit} steps")
        for maze, is_solved in zip(suite.names, played.is_solved, strict=True):
            print(f"  {maze:<16} {is_solved.mean():.2f}")


if __name__ == "__main__":
    main()

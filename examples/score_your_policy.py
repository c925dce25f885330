"""Score a policy of your own on the public mazes: here one that keeps its left hand on the wall.

    python examples/score_your_policy.py --episodes 8
"""

import argparse

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from alpha_factory.core.types import Plan
from alpha_factory.evaluate import Scorer, limit_steps, make_random, public_suite, summarise
from alpha_factory.worlds import make_grid, tiles

# The view is 5 x 5 cells of 16 kinds, row by row from the agent's own row on (docs/worlds.md).
LEFT, AHEAD = 1, 7


def follow_wall(params: None, obs: Bool[Array, "worlds features"], *, key: Array) -> Plan:
    """Forward where there is a wall on the left, to the left where there is none."""
    view = obs[:, : 25 * 16].reshape(-1, 25, 16)
    has_left, has_ahead = view[:, LEFT, tiles.WALL], view[:, AHEAD, tiles.WALL]
    # Without memory: having just turned left, the agent can't know it. A coin breaks the circle.
    coin = jax.random.bernoulli(key, 0.5, has_left.shape)
    action = jnp.where(has_left | coin, tiles.FORWARD, tiles.TURN_LEFT)
    action = jnp.where(has_ahead, jnp.where(has_left, tiles.TURN_RIGHT, action), action)
    action = jnp.where(has_ahead & ~has_left, tiles.TURN_LEFT, action).astype(jnp.int32)
    policy = jax.nn.one_hot(action, tiles.ACTIONS)
    return Plan(action, policy, jnp.zeros(action.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=8, help="of each policy in each maze")
    parser.add_argument("--tiny", action="store_true", help="one episode, 20 steps")
    arguments = parser.parse_args()
    episodes = 1 if arguments.tiny else arguments.episodes

    world, suite = make_grid(), public_suite()
    step_limit = 20 if arguments.tiny else suite.step_limits[0]
    levels = limit_steps(suite.levels, step_limit)
    for name, policy in (("wall", follow_wall), ("random", make_random(world.actions))):
        scorer = Scorer(world, policy, lanes=len(suite.names) * episodes)
        played = scorer.score(None, levels, episodes=episodes, key=jax.random.key(0))
        scores = summarise(played.is_solved, played.total)
        interval = f"{scores['low']:.2f} to {scores['high']:.2f}"
        print(f"{name}: solved {scores['solve_rate']:.2f} ({interval}) in {step_limit} steps")
        for maze, is_solved in zip(suite.names, played.is_solved, strict=True):
            print(f"  {maze:<16} {is_solved.mean():.2f}")


if __name__ == "__main__":
    main()

"""Play worlds through Gymnasium's interface, one alone and many at once. Needs the extra `gym`.

python examples/step_worlds_in_gymnasium.py
"""

import sys

import gymnasium
import numpy as np

from alpha_factory.worlds.gym import ID

LEVEL = """\
step_limit = 60
rule = in turns of 7 steps: left and right swap

>.K#..
..#D..
....G.
"""


def main(steps: int) -> None:
    env = gymnasium.make(ID, level=LEVEL, render_mode="ansi")
    env.action_space.seed(0)
    env.reset(seed=0)
    total, is_over = 0.0, False
    while not is_over:
        _, reward, is_terminated, is_truncated, _ = env.step(env.action_space.sample())
        total, is_over = total + reward, is_terminated or is_truncated
    print(f"{env.render()}\none world: return {total:.2f}")

    # One compiled program; a world that ended is reset by the step after.
    worlds = gymnasium.make_vec(ID, num_envs=8, level=LEVEL, observation="view", view=7)
    worlds.action_space.seed(0)
    worlds.reset(seed=0)
    solved = ended = 0
    for _ in range(steps):
        _, _, is_terminated, is_truncated, info = worlds.step(worlds.action_space.sample())
        ended += np.sum(is_terminated | is_truncated)
        solved += np.sum(info["is_solved"])
    print(f"8 worlds: {solved} of {ended} episodes solved")


if __name__ == "__main__":
    main(steps=20 if "--tiny" in sys.argv else 2_000)

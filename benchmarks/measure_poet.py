"""POET, random mutation without the criterion and a fixed curriculum at the same budget: Markdown tables, then JSON.

The table of section 4.8 on the held-out suite poet-100-v1, three seeds each. Budgets are env steps of all who play
(docs/evaluate.md). At each stage the agent plays the suite; a catastrophic loss is a level once solved in 90 % of its
episodes that falls under 50 % and stays there, for two looks or more, to the end. The same is counted of the run's own
worlds on its panel. Intervals (95 %) are bootstraps over seeds.

Every run has its own directory under --out; given again, the same command goes on where it was broken off.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from alpha_factory.cli import cache

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--growths", nargs="+", help="of poet, random, fixed; default: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--frames", type=int, default=5_000_000, help="env steps of each run")
    parser.add_argument(
        "--looks", type=int, default=10, help="at the suite, evenly over the frames"
    )
    parser.add_argument("--episodes", type=int, default=10, help="of each level at a look")
    parser.add_argument("--suite", default="poet-100-v1")
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--learner", help="muzero or ppo; default: the preset's")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings, of every run"
    )
    given = parser.parse_args()
    cache.share_compilations(os.environ)
    from alpha_factory.core.errors import AlphaFactoryError
    from alpha_factory.runs.settings.asked import choose_names, choose_preset
    from alpha_factory.runs.settings.limits import check_limits
    from alpha_factory.runs.settings.text import change, to_json
    from alpha_factory.runs.suites import load_suite
    from alpha_factory.runs.tasks.growth import GROWTHS, configure, follow, sum_up, to_markdown

    def tell(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    try:
        base = choose_names(choose_preset(given.preset), None, None, given.learner)
        base = change(base, given.set)
        suite = load_suite(given.suite)
        stages = [round(given.frames * (at + 1) / given.looks) for at in range(given.looks)]
        plans = [
            (growth, seed, configure(base, growth, seed=seed, frames=given.frames))
            for seed in given.seeds
            for growth in given.growths or GROWTHS
        ]
        for _, _, config in plans:
            check_limits(config)
        stories = [
            follow(
                given.out / f"{growth}-{seed}",
                config,
                suite,
                stages=stages,
                episodes=given.episodes,
                told=tell,
            )
            for growth, seed, config in plans
        ]
    except AlphaFactoryError as error:
        tell(str(error))
        sys.exit(error.exit_code)
    told = sum_up(stories)
    print(to_markdown(told, levels=len(suite.names)))
    print()
    print(
        json.dumps(
            {
                "suite": suite.name,
                "suite_hash": suite.digest,
                "step_limit": suite.step_limits[0],
                "episodes": given.episodes,
                "stages": stages,
                "growths": told,
                "config": to_json(base),
            }
        )
    )

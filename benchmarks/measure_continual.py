"""What is forgotten of worlds that were retired, with and without EWC and balanced replay: a table, then JSON.

Takes about half an hour at its defaults: six means, three seeds, equal frames and updates for each.
"""

import argparse
import json
import os
import sys

from alpha_factory.cli import cache

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--means",
        nargs="+",
        help="of none, fine-tune, replay, ewc, ewc+replay, scratch; default: all",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--phases", type=int, default=5)
    parser.add_argument("--worlds", type=int, default=4, help="in each phase")
    parser.add_argument(
        "--iterations", type=int, default=64, help="of acting and learning in each phase"
    )
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings than the demo's"
    )
    given = parser.parse_args()
    cache.share_compilations(os.environ)
    import numpy as np

    from alpha_factory.runs.continual import MEANS, Course
    from alpha_factory.runs.presets import PRESETS
    from alpha_factory.runs.settings import change

    config = change(PRESETS["demo"], ["learning.ewc_weight=100.0", *given.set])
    course = Course(config, phases=given.phases, worlds=given.worlds, iterations=given.iterations)
    results = {}
    for name in given.means or MEANS:
        runs = []
        for seed in given.seeds:
            remembered = course.follow(name, seed=seed)
            runs.append(
                remembered.sum_up() | {"seed": seed, "by_phase": remembered.by_phase().tolist()}
            )
            print(
                name,
                seed,
                {key: round(value, 3) for key, value in remembered.sum_up().items()},
                file=sys.stderr,
            )
        results[name] = runs
        means = {
            key: f"{np.mean([run[key] for run in runs]):.2f} ({min(run[key] for run in runs):.2f} to "
            f"{max(run[key] for run in runs):.2f})"
            for key in ("learned", "retired", "forgetting", "forward_transfer")
        }
        print(f"{name:12}", "  ".join(f"{key} {text}" for key, text in means.items()), flush=True)
    print(json.dumps(results))

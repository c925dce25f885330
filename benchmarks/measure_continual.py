"""What is forgotten of worlds that were retired, with and without EWC and balanced replay: a table, then JSON.

Six means, three seeds, equal frames and updates for each. The intervals (95 %) are bootstraps over the worlds
of all seeds; the JSON has every matrix of solve rates (times x worlds).
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
    parser.add_argument("--ewc-weight", type=float, default=100.0)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings than the demo's"
    )
    given = parser.parse_args()
    cache.share_compilations(os.environ)
    import numpy as np

    from alpha_factory.evaluate import bootstrap_interval
    from alpha_factory.runs.settings.presets import PRESETS
    from alpha_factory.runs.settings.text import change
    from alpha_factory.runs.tasks.continual import MEANS, Course

    config = change(PRESETS["demo"], [f"learning.ewc_weight={given.ewc_weight}", *given.set])
    course = Course(config, phases=given.phases, worlds=given.worlds, iterations=given.iterations)
    told = {"ewc_weight": given.ewc_weight, "iterations": given.iterations, "means": {}}
    for name in given.means or MEANS:
        followed = []
        for seed in given.seeds:
            followed.append(course.follow(name, seed=seed))
            sums = {key: round(rate, 3) for key, rate in followed[-1].sum_up().items()}
            print(name, seed, sums, file=sys.stderr, flush=True)
        pooled = {
            key: np.concatenate([one.by_world()[key] for one in followed])
            for key in followed[0].by_world()
        }
        cells = []
        for key, rates in pooled.items():
            low, high = bootstrap_interval(rates)
            cells.append(f"{key} {100 * rates.mean():.0f} % ({100 * low:.0f} to {100 * high:.0f})")
        print(f"{name:12}", "  ".join(cells), flush=True)
        told["means"][name] = [
            {"seed": seed, "solved": one.solved.tolist()} | one.sum_up()
            for seed, one in zip(given.seeds, followed, strict=True)
        ]
    print(json.dumps(told))

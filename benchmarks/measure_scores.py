"""Which score finds the frontier: its rank correlation with the true regret, as a student learns. A table, then JSON.

Students learn mazes by domain randomisation, which favours no score, and are looked at a tenth, a third and the whole
of the way; or checkpoints of runs are looked at, each by itself. Scores are of a round, learnability of as many rows as
SFL scouts a level for. `regret`, `p` and `p(1-p)` are rank correlations (Spearman) with the true regret, with the share
of episodes solved and with its learnability; `top` is how many of the tenth of the levels with the highest scores are
in the frontier, 0 < p < 1. Intervals (95 %) are bootstraps over levels.
"""

import argparse
import json
import os
import sys
import time

from alpha_factory.cli import cache

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", help="directories or checkpoints; none: train students")
    parser.add_argument("--frames", type=int, default=1_000_000, help="that a student gets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--stages", type=float, nargs="+", default=[0.1, 1 / 3, 1.0])
    parser.add_argument("--levels", type=int, default=1000)
    parser.add_argument("--level-seed", type=int, default=1000)
    parser.add_argument("--episodes", type=int, default=10, help="on each level, for the truth")
    parser.add_argument("--walls", type=int, default=60, help="as levels.walls; see levels.number")
    parser.add_argument("--scores", nargs="+", help="default: all of the slot but true regret")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings of a student"
    )
    given = parser.parse_args()
    cache.share_compilations(os.environ)
    import dataclasses

    import numpy as np

    from alpha_factory.runs.resolve import list_names
    from alpha_factory.runs.settings.asked import choose_names
    from alpha_factory.runs.settings.presets import PRESETS
    from alpha_factory.runs.settings.text import change, to_json
    from alpha_factory.runs.tasks.proxies import (
        RELATIONS,
        TOP,
        Panel,
        draw_levels,
        find_student,
        relate,
        train_student,
    )

    scores = given.scores or [name for name in list_names("Scorer") if name != "regret"]
    config = choose_names(PRESETS["demo"], None, "dr", "ppo")
    config = change(config, [f"levels.walls={given.walls}", *given.set])
    levels = draw_levels(config, given.levels, seed=given.level_seed)

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    started, groups = time.perf_counter(), {}
    if given.runs:
        for run in given.runs:
            theirs, frames, net = find_student(run, tell)
            panel = Panel(theirs, scores, levels=levels, episodes=given.episodes)
            groups[run] = [panel.look(net, seed=theirs.seed, frames=frames)]
    else:
        panel = Panel(config, scores, levels=levels, episodes=given.episodes)
        stages = sorted(round(stage * given.frames) for stage in given.stages)
        for seed in given.seeds:
            student = train_student(dataclasses.replace(config, seed=seed), stages)
            for stage, (frames, net) in zip(stages, student, strict=True):
                look = panel.look(net, seed=seed, frames=frames)
                groups.setdefault(f"{stage:,} frames", []).append(look)
                seconds = time.perf_counter() - started
                tell(f"seed {seed}, {frames} frames: p {look.solved.mean():.2f}, {seconds:.0f} s")

    def show(value: float, low: float, high: float) -> str:
        return f"{value:6.2f} ({low:5.2f} to {high:5.2f})"

    def known(values: np.ndarray) -> list:
        """For JSON, which knows no NaN."""
        return [[value if np.isfinite(value) else None for value in row] for row in values.tolist()]

    told = []
    print(
        f"{given.levels} mazes of 13 x 13, levels.walls={given.walls}, levels.number={config.levels.number!r}; "
        f"{given.episodes} whole episodes each for the truth"
    )
    for name, looks in groups.items():
        found = relate(looks, resamples=given.resamples)
        solved, frontier = (
            float(np.mean([one(look) for look in looks]))
            for one in (lambda look: look.solved.mean(), lambda look: look.frontier)
        )
        print(
            f"\n{name}, {len(looks)} student(s): p {solved:.2f} on average, {frontier:.0%} of the levels in "
            f"the frontier, regret {np.mean([look.regret.mean() for look in looks]):.3f}"
        )
        print(f"{'':14}" + "".join(f"{relation:>24}" for relation in RELATIONS))
        for number, score in enumerate(scores):
            ends = zip(*(part[number].tolist() for part in found), strict=True)
            print(f"{score:14}" + "".join(f"{show(*three):>24}" for three in ends))
        told.append(
            {
                "stage": name,
                "frontier": frontier,
                "solved": solved,
                "students": [
                    {
                        "seed": look.seed,
                        "frames": look.frames,
                        "solved": float(look.solved.mean()),
                        "frontier": look.frontier,
                        "regret": float(look.regret.mean()),
                        "relations": known(relate([look], resamples=2).mean),
                    }
                    for look in looks
                ],
                **{name: known(part) for name, part in found._asdict().items()},
            }
        )
    print(
        json.dumps(
            {
                "levels": given.levels,
                "level_seed": given.level_seed,
                "episodes": given.episodes,
                "walls": given.walls,
                "number": config.levels.number,
                "top": TOP,
                "names": scores,
                "relations": RELATIONS,
                "stages": told,
                "seconds": round(time.perf_counter() - started, 1),
                "config": None if given.runs else to_json(config),
            }
        )
    )

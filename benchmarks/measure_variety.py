"""How varied the worlds of random genomes are, and of genomes after many mutations: a table, then JSON.

Takes minutes: every level is searched for its quickest way to the goal.
"""

import argparse
import json
import os

from alpha_factory.cli import cache


def show(name: str, measured: dict) -> None:
    shares = ", ".join(
        f"{word} {measured[word]:.1%}" for word in ("solvable", "unsolvable", "unknown")
    )
    print(f"\n{name}: {measured['levels']} levels, {shares}")
    for what in ("fewest_steps", "step_limit", "rows", "columns", "states"):
        print(
            f"  {what:14}"
            + "".join(f"  {share}: {value:g}" for share, value in measured[what].items())
        )
    print(f"  {'':18}{'share':>8}{'unsolvable':>12}{'unknown':>9}")
    for feature, row in measured["features"].items():
        values = [float("nan") if value is None else value for value in row.values()]
        print(f"  {feature:18}{values[0]:8.1%}{values[1]:12.1%}{values[2]:9.1%}")
    for what in ("triggers", "effects"):
        for text, share in measured[what].items():
            print(f"  {text:40}{share:8.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, default=10_000)
    parser.add_argument("--generations", type=int, default=50)
    parser.add_argument("--budget", type=int, default=50_000, help="states of a level")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    cache.share_compilations(os.environ)
    from alpha_factory.runs.variety import draw_genomes, measure_variety

    results = {}
    for generations in (0, given.generations):
        genomes = draw_genomes(given.levels, generations, given.seed)
        name = f"after {generations} generations"
        results[name] = measure_variety(genomes, budget=given.budget)
        show(name, results[name])
    print(json.dumps(results))

"""How fast the oracle labels the levels of random genomes, and how much of them it knows: a table.

Takes minutes. The first levels are labelled unmeasured, since every shape of batch compiles once.
"""

import argparse
import os
import time

from alpha_factory.cli import cache

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, default=2048)
    parser.add_argument("--budgets", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    cache.share_compilations(os.environ)
    import jax

    from alpha_factory.runs.variety import draw_genomes
    from alpha_factory.worlds import decode, find_optima, find_ways

    levels = jax.jit(jax.vmap(decode))(draw_genomes(2 * given.levels, 0, given.seed))
    first, second = (
        jax.tree.map(lambda leaf, at=part: leaf[at], levels)
        for part in (slice(given.levels), slice(given.levels, None))
    )
    print(f"{'':24}{'levels/s':>10}{'a CPU-s':>10}{'way known':>12}{'return known':>14}")
    for label in (find_ways, find_optima):
        for budget in given.budgets:
            label(first, budget=budget)
            wall, cpu = time.perf_counter(), time.process_time()
            verdicts = label(second, budget=budget)
            cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
            way = sum(verdict.is_solvable is not None for verdict in verdicts) / given.levels
            paid = sum(verdict.optimal_return is not None for verdict in verdicts) / given.levels
            print(
                f"{label.__name__ + ', ' + format(budget, ','):24}{given.levels / wall_s:10.1f}"
                f"{given.levels / cpu_s:10.1f}{way:12.1%}{paid:14.1%}"
            )

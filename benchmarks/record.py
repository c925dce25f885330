"""What the `bench_<stage>.py` beside this file share: measure a stage, print the line, keep it."""

import argparse
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from alpha_factory.cli import cache

RESULTS = Path(__file__).parent / "results.jsonl"


def record(stage: str, argv: Sequence[str] | None = None) -> None:
    """Print the measurement as one JSON line and append it to a file."""
    parser = argparse.ArgumentParser(description=f"Measure the stage {stage} on this machine.")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each result")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file that gets the line")
    arguments = parser.parse_args(argv)
    cache.share_compilations(os.environ)
    from alpha_factory.runs.bench import bench_stage

    measured = bench_stage(stage, arguments.repeats)
    line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **measured})
    with arguments.out.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line)

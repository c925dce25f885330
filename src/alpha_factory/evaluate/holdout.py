"""Frozen levels that no run ever trains on. Only `runs` may import this module."""

from typing import Any

from alpha_factory.evaluate.suite import Row, Suite, read_suite

_GENERATED = "2beef10acd193b63aa0b12c4b7eed082e6a28ff8a927f3fa41598b7b50995983"

_POET = "3c4085a0426283c59d0fefa74c5a334ad4e40a578f1f2287fa2775a08d3ffbd2"


def generated_suite() -> Suite:
    """`generated-v1`: 256 levels of random genomes, shortest plan 8 to 64 actions, 128 steps each."""
    return read_suite("generated_v1.json", _GENERATED, read_settings=_read_old_settings)


def poet_suite() -> Suite:
    """`poet-100-v1`: 100 hard levels of evolved genomes, of every kind that a genome can say."""
    return read_suite("poet_100_v1.json", _POET)


def _read_old_settings(row: Row) -> dict[str, Any]:
    """Settings in the words of today; the file was frozen when there were two rules with a period."""
    rules = {"mirror_period": "left and right swap", "fog_period": "fog falls"}
    return {
        "dense": row["dense"],
        "trap_odds": row["trap_odds"],
        "penalty": row["trap_penalty"],
        "slip": row["slip"],
        "rules": tuple(
            f"in turns of {row[period]} steps: {effect}"
            for period, effect in rules.items()
            if row[period]
        ),
    }

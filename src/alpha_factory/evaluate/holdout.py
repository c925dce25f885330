"""`generated-v1`: frozen levels that no run ever trains on. Only `runs` may import this module."""

from alpha_factory.evaluate.suite import Suite, read_suite

DIGEST = "2beef10acd193b63aa0b12c4b7eed082e6a28ff8a927f3fa41598b7b50995983"


def generated_suite() -> Suite:
    """256 levels of random genomes with a shortest plan of 8 to 64 actions, 128 steps each."""
    return read_suite("generated_v1.json", DIGEST)

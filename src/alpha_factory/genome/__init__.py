"""A world as data: 512 bits with a name for each field, and what can be done to them."""

from alpha_factory.genome.codec import (
    Genes,
    Genome,
    from_hex,
    from_json,
    from_values,
    read_genes,
    to_hex,
    to_json,
    to_values,
)
from alpha_factory.genome.distance import hamming
from alpha_factory.genome.layout import BITS, FIELDS, SECTIONS, WORDS, Field
from alpha_factory.genome.mutate import OPERATORS, mutate, random_genome
from alpha_factory.genome.rules import TEMPLATES, rule_period

__all__ = [
    "BITS",
    "FIELDS",
    "OPERATORS",
    "SECTIONS",
    "TEMPLATES",
    "WORDS",
    "Field",
    "Genes",
    "Genome",
    "from_hex",
    "from_json",
    "from_values",
    "hamming",
    "mutate",
    "random_genome",
    "read_genes",
    "rule_period",
    "to_hex",
    "to_json",
    "to_values",
]

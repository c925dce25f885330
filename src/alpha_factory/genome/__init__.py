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
from alpha_factory.genome.rule_text import parse_rule, print_rule
from alpha_factory.genome.rules import SLOTS, TEMPLATES, Rule, read_rules

__all__ = [
    "BITS",
    "FIELDS",
    "OPERATORS",
    "SECTIONS",
    "SLOTS",
    "TEMPLATES",
    "WORDS",
    "Field",
    "Genes",
    "Genome",
    "Rule",
    "from_hex",
    "from_json",
    "from_values",
    "hamming",
    "mutate",
    "parse_rule",
    "print_rule",
    "random_genome",
    "read_genes",
    "read_rules",
    "to_hex",
    "to_json",
    "to_values",
]

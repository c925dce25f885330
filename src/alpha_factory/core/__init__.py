"""Vocabulary that every stage shares. No behaviour."""

from alpha_factory.core.errors import (
    AlphaFactoryError,
    CorruptCheckpoint,
    DiskFull,
    InvalidGenome,
    InvalidLevel,
    InvalidRule,
    NonFinite,
    RunConflict,
    UsageError,
    unknown,
)

__all__ = [
    "AlphaFactoryError",
    "CorruptCheckpoint",
    "DiskFull",
    "InvalidGenome",
    "InvalidLevel",
    "InvalidRule",
    "NonFinite",
    "RunConflict",
    "UsageError",
    "unknown",
]

"""Vocabulary that every stage shares. No behaviour."""

from alpha_factory.core.errors import (
    AlphaFactoryError,
    CorruptCheckpoint,
    DiskFull,
    Diverged,
    InvalidGenome,
    InvalidLevel,
    InvalidRule,
    OutOfMemory,
    RunConflict,
    UsageError,
    unknown,
)

__all__ = [
    "AlphaFactoryError",
    "CorruptCheckpoint",
    "DiskFull",
    "Diverged",
    "InvalidGenome",
    "InvalidLevel",
    "InvalidRule",
    "OutOfMemory",
    "RunConflict",
    "UsageError",
    "unknown",
]

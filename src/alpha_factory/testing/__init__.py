"""Checks for what others write: does it keep the promises that the stages rely on?"""

from alpha_factory.testing.conform import WorldViolation, check_world

__all__ = ["WorldViolation", "check_world"]

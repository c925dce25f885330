"""Runs side by side at equal budgets: their files in; numbers, and figures for a paper, out."""

from alpha_factory.runs.comparison.compare import compare_runs

__all__ = ["compare_runs"]

"""Planning in the learned model."""

from alpha_factory.search.planner import make_planner, make_prior

__all__ = ["make_planner", "make_prior"]

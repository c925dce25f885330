"""Planning in the learned model."""

from alpha_factory.search.gumbel import search_gumbel
from alpha_factory.search.planner import make_planner, make_prior
from alpha_factory.search.puct import search_puct
from alpha_factory.search.scores import Found
from alpha_factory.search.tree import Step

__all__ = ["Found", "Step", "make_planner", "make_prior", "search_gumbel", "search_puct"]

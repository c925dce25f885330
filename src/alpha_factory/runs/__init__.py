"""A run from its settings to its report: the loop, and everything that it leaves on disk."""

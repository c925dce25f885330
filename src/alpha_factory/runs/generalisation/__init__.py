"""The bound of the paper's section 5 on a run: what it has learned from, its terms, and worlds it never saw."""

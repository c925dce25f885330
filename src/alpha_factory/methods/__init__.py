"""Research methods, each alone, behind the entry-point group `alpha_factory.methods`."""

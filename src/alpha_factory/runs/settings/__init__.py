"""Every setting of a run: what they are, may be and start from, and how people write them."""

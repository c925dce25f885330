"""POET in a run: what its course trains, what a cycle changes, and the records that they leave."""

"""Simulations a second of the planner: the whole, the tree alone, the network alone."""

from record import record

if __name__ == "__main__":
    record("search")

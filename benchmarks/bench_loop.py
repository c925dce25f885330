"""Frames a second of the demo's training, and the share of worlds, search and learning in it."""

from record import record

if __name__ == "__main__":
    record("loop")

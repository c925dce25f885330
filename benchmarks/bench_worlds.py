"""Frames a second of the world engine alone: one maze for all worlds, and a random genome each."""

from record import record

if __name__ == "__main__":
    record("worlds")

"""Frames a second of robust PLR and ACCEL on mazes, learning included."""

from record import record

if __name__ == "__main__":
    record("rounds")

"""Frames a second of learning CartPole with 50 simulations a frame, and of acting in it alone."""

from record import record

if __name__ == "__main__":
    record("cartpole")

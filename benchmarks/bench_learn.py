"""Updates a second of the learner, and what replay costs beside it."""

from record import record

if __name__ == "__main__":
    record("learn")

"""Whom `evaluate` scores and against what: runs, checkpoints and anyone's policies; the oracle's optimum."""

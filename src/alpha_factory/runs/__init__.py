"""A run from its settings to its report: config, loop, checkpoints, evaluation."""

__all__: list[str] = []

"""How many rows MuZero's replay holds: in worlds of a pool, or on chosen levels."""

from alpha_factory.runs.settings.config import POET, RunConfig


def count_slots(config: RunConfig) -> int:
    """Rows of each lane on chosen levels: whole rounds, of all lanes together no more than in a run of POET,
    `learning.worlds` times `learning.replay_slots`; but two rounds at least."""
    learning, levels = config.learning, config.levels
    rounds = learning.worlds * learning.replay_slots // (levels.lanes * levels.steps)
    return levels.steps * max(2, rounds)


def count_rows(config: RunConfig) -> tuple[int, str]:
    """Rows of all lanes, and by which settings."""
    learning, levels = config.learning, config.levels
    if config.curriculum.name == POET:
        rows = learning.worlds * learning.replay_slots
        return rows, (
            f"learning.worlds={learning.worlds} times learning.replay_slots={learning.replay_slots}"
        )
    rounds = count_slots(config) // levels.steps
    return levels.lanes * count_slots(config), (
        f"{rounds} rounds of levels.lanes={levels.lanes} times levels.steps={levels.steps}, two or as many as "
        f"fit in learning.worlds={learning.worlds} times learning.replay_slots={learning.replay_slots},"
    )

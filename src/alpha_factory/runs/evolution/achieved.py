"""What a run has made that was new and was solved: its records in, two numbers out.

ANNECS, the accumulated number of novel environments created and solved (Wang et al. 2020, section 4.3),
and the frontier of quality diversity (paper, figure 4). Both follow from the archive alone.
"""

from collections.abc import Iterable

from alpha_factory.records import WorldCard, WorldScore, WorldTrial
from alpha_factory.runs.settings.config import CurriculumConfig


class Achieved:
    """What was achieved in the cycles that were added.

    A world is *novel* if the best of all agents that there were when it was accepted met the minimal
    criterion on it. It is *solved* once the generalist solves at least `highest` of its training
    episodes in a cycle in which as many ended as a child is judged by, or a specialist does.
    """

    def __init__(self, config: CurriculumConfig) -> None:
        """Nothing yet."""
        self.annecs = 0
        self.frontier: float | None = None
        """The highest quality diversity of any accepted world; None before the first one."""
        self._config = config
        self._unsolved: set[int] = set()

    def add(
        self,
        worlds: Iterable[WorldCard],
        scores: Iterable[WorldScore],
        trials: Iterable[WorldTrial],
    ) -> None:
        """Add a cycle, or several: one by one or all at once gives the same."""
        config = self._config
        for trial in trials:
            if config.lowest < trial.best < config.highest:
                self._unsolved.add(trial.world)
        for card in worlds:
            if card.verdict == "accepted" and card.qd is not None:
                self.frontier = card.qd if self.frontier is None else max(self.frontier, card.qd)
            if card.specialist_score is not None and card.specialist_score >= config.highest:
                self._solve(card.id)
        for score in scores:
            if score.solve_rate >= config.highest and score.episodes >= config.episodes:
                self._solve(score.world)

    def _solve(self, world: int) -> None:
        self.annecs += world in self._unsolved
        self._unsolved.discard(world)

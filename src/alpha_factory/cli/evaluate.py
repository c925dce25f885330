"""`alpha-factory evaluate`: score a run's agent, or anyone's policy, on a suite."""

import os
from dataclasses import dataclass
from typing import Any

import tyro

from alpha_factory.cli import cache, output
from alpha_factory.cli.tables import levels_table, suite_table, tail_table
from alpha_factory.core.errors import AlphaFactoryError

_LEFT = {  # by whether JSON was printed
    True: "What is on stdout is all that the file would have held; put it into one.",
    False: "The tables on stdout are all that is left of them. Make room, or name another place, and evaluate again.",
}


@dataclass(frozen=True)
class Evaluate:
    """Score a run's agent, or anyone's policy, on a suite, against a random policy and the same network untrained.

    A policy in Python is named package.module:name; the working directory is searched, too. It is called as
    policy(params, obs, *, key) for a batch of worlds and returns a Plan (alpha_factory.core.types), or the action of
    each world alone; params are None. One that remembers is a Player. A function without arguments makes the policy,
    alone or with its params.

    The suites random-mazes, random-fruits and random-genomes are drawn anew, from --draw-seed and as many levels as
    --count says, and are not frozen. A suite that is reported at two step limits gives a list of two objects under
    --json.

    Example: alpha-factory evaluate runs/first --suite public-mazes-v1
    """

    policy: tyro.conf.Positional[str]
    """Directory of a run, a file in its folder checkpoints/, or a policy as package.module:name."""
    suite: str
    """Name of the suite, such as generated-v1, public-mazes-v1 or random-mazes."""
    episodes: output.OptionalInt = None
    """Episodes of each policy on each level, instead of the suite's own number."""
    seed: output.OptionalInt = None
    """Every random choice of the evaluation follows from it. Without it, the run's own: its closing numbers again."""
    levels: output.Switch = False
    """Tell each level's numbers, too, and ask the oracle for the best play on it; its answers are cached."""
    states: output.OptionalInt = None
    """States of a level that the oracle looks at before it gives up. Without it, 20000."""
    count: output.OptionalInt = None
    """Levels of a suite that is drawn. Without it, 10000."""
    draw_seed: output.OptionalInt = None
    """Seed that such levels are drawn from. Without it, 0."""
    observation: output.OptionalName = None
    """What a policy in Python sees: symbolic, view, bits, full or pixels. Without it, symbolic: 1024 bits."""
    view: output.OptionalInt = None
    """Cells a side of what it sees by view or pixels, an odd number. Without it, 5."""
    host: output.Switch = False
    """Call it once a step with NumPy arrays, outside the compiled program, as PyTorch needs it; key is a number."""
    alone: output.Switch = False
    """Leave out the random policy and the untrained network, which on many levels take longer than the agent."""
    keep: output.Switch = False
    """Put the scores into the run's evaluation.json, for `report` and `compare`."""
    out: output.OptionalFile = None
    """File for the scores, replaced if it is there; `compare` takes it beside runs."""
    json: output.Switch = False
    """Print the scores as JSON, and nothing else on stdout."""

    def __call__(self) -> int:
        """Print the scores."""
        from alpha_factory.runs.judging.target import find_target

        find_target(self.policy)  # before JAX, so that a mistake is told at once
        from alpha_factory.runs.files.scores import ScoresNotKept, check_file, write_file

        if self.out is not None:
            check_file(self.out)
        failure, left = None, _LEFT[self.json]
        try:
            results = self._play()
        except ScoresNotKept as error:
            failure, results = error, error.results
        if self.out is not None:
            try:
                write_file(self.out, results)
                left = f"They are in {self.out}."
            except ScoresNotKept as error:
                failure = error
        self._print(results, is_whole=self.levels or failure is not None)
        if failure is not None:
            raise AlphaFactoryError(f"{failure} {left}") from failure
        return 0

    def _play(self) -> list[dict[str, Any]]:
        from alpha_factory.runs.evaluation import evaluate_policy

        with output.quiet_stdout():
            return evaluate_policy(
                self.policy,
                self.suite,
                episodes=self.episodes,
                seed=self.seed,
                levels=self.count,
                draw_seed=self.draw_seed,
                observation=self.observation,
                view=self.view,
                is_on_host=self.host,
                is_compared=self.levels,
                states=self.states,
                is_alone=self.alone,
                is_kept=self.keep,
                cache=cache.oracle_folder(os.environ),
                warned=output.warn,
            )

    def _print(self, results: list[dict[str, Any]], *, is_whole: bool) -> None:
        """Print the scores; `is_whole`: of JSON all that a file would hold."""
        if self.json:
            from alpha_factory.runs.judging.result import without_levels

            told = results if is_whole else [without_levels(result) for result in results]
            output.print_json(told[0] if len(told) == 1 else told)
            return
        console = output.stdout_console()
        for result in results:
            console.print(suite_table(result))
            console.print(tail_table(result))
            if self.levels:
                console.print(levels_table(result))

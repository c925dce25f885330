"""What all runs were evaluated on, and how those that lack it get it: runs in, exams or a refusal with commands out."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.evaluate.generated import SOURCES
from alpha_factory.runs.comparison.contestants import Contestant, Exam
from alpha_factory.runs.comparison.remedies import Sitting, name_anew, tell_evaluation
from alpha_factory.runs.suites import SUITES, load_suite

_USUAL = "generated-v1"


class _Aim(NamedTuple):
    """How everyone is to be evaluated on a suite."""

    exams: frozenset[Exam]  # that most have already, one for each step limit
    episodes: int | None  # None for the suite's own number
    drawn: tuple[int, int] | None


def find_exams(
    runs: Sequence[Contestant], suite: str | None, warned: Callable[[str], None]
) -> list[Exam]:
    """What every run has scores of; what only some have is told with how the others get it.

    Raises:
        UsageError: nothing; no run has the suite that is asked for; or their files name its levels otherwise.
    """
    known = list(dict.fromkeys(exam for run in runs for exam in run.scores))
    if suite is not None:
        _check_suite(suite, [exam.suite for exam in known])
        known = [exam for exam in known if exam.suite == suite]
    common = [exam for exam in known if all(exam in run.scores for run in runs)]
    if not common:
        wanted = suite or _most_frequent(runs) or _USUAL
        raise UsageError(
            f"There is no suite{'' if suite is None else f' {suite}'} on which all of these runs were evaluated with "
            f"scores of each level, the same levels and as many episodes. {_tell_missing(runs, wanted)}"
        )
    for name in dict.fromkeys(exam.suite for exam in known):
        if all(exam.suite != name for exam in common):
            warned(
                f"{name} is left out: not every run was evaluated on its levels with as many episodes. "
                f"{_tell_missing(runs, name)}"
            )
    _check_levels(runs, common)
    return common


def tell_again(run: Contestant, exam: Exam) -> str:
    """How a run or a file gets the scores of an exam that it has once more."""
    aim = _Aim(frozenset(), exam.episodes, run.scores[exam].sitting.drawn)
    return _tell_command(run, exam.suite, aim)


def _check_suite(suite: str, known: Sequence[str]) -> None:
    if suite not in known and suite not in (*SUITES, *SOURCES):
        raise unknown("suite", suite, set(known) or [*SUITES, *SOURCES])


def _most_frequent(runs: Sequence[Contestant]) -> str | None:
    names = [exam.suite for run in runs for exam in run.scores]
    return max(names, key=names.count) if names else None


def _tell_missing(runs: Sequence[Contestant], suite: str) -> str:
    """What each run has of a suite, and how those without it get it."""
    aim = _choose(runs, suite)
    told = []
    for run in runs:
        held = [exam for exam in run.scores if exam.suite == suite]
        has = " and ".join(
            dict.fromkeys(f"{exam.episodes} episodes, {exam.digest[:14]}" for exam in held)
        )
        if aim.exams and aim.exams.issubset(held):
            told.append(f"{run.path} has {has}")
            continue
        said = _tell_command(run, suite, aim)
        told.append(f"{run.path} has {has}: {said}" if has else said)
    others = list(dict.fromkeys(exam.suite for run in runs for exam in run.scores))
    if others and suite not in others:
        told[0] = f"They have scores of {', '.join(others)}. {told[0]}"
    return "; ".join(told) + "."


def _choose(runs: Sequence[Contestant], suite: str) -> _Aim:
    """What most runs have of a suite, of as many that with more episodes; of one that is frozen, as it is today."""
    scores = {exam: run.scores[exam] for run in runs for exam in run.scores if exam.suite == suite}
    digest = load_suite(suite).digest if suite in SUITES else None
    is_current = [exam for exam in scores if digest in (None, exam.digest)]
    held = Counter(
        (exam.digest, exam.episodes)
        for run in runs
        for exam in {exam._replace(step_limit=0) for exam in run.scores}
        if exam.suite == suite
    )
    if not held:
        return _Aim(frozenset(), None, None)
    among = {(exam.digest, exam.episodes) for exam in is_current} or held.keys()
    best = max(among, key=lambda key: (held[key], key[1]))
    aimed = [exam for exam in scores if (exam.digest, exam.episodes) == best]
    drawn = scores[aimed[0]].sitting.drawn
    # Another version of the package drew others from the same seed, and nobody knows which of them this one draws.
    is_ambiguous = drawn is not None and any(
        told.sitting.drawn == drawn and exam.digest != best[0] for exam, told in scores.items()
    )
    is_out = is_ambiguous or not is_current
    return _Aim(frozenset() if is_out else frozenset(aimed), best[1], drawn)


def _tell_command(run: Contestant, suite: str, aim: _Aim) -> str:
    """How a run is evaluated so; a file is left as it is, since it may hold other scores."""
    if run.policy is None:
        return tell_evaluation(
            str(run.path),
            suite,
            episodes=aim.episodes,
            sitting=Sitting(drawn=aim.drawn),
            ending=["--keep"],
        )
    before = next((scores.sitting for scores in run.scores.values()), Sitting())
    place = name_anew(run.path, suite)
    seed = [] if not before.seed or run.guest is None else ["--seed", str(before.seed)]
    command = tell_evaluation(
        run.guest or "CHECKPOINT",
        suite,
        episodes=aim.episodes,
        sitting=before._replace(drawn=aim.drawn),
        ending=[*seed, "--out", str(place)],
    )
    hint = "" if run.guest else ", CHECKPOINT being the file that it has scores of"
    if run.guest and before.observation is None:  # older files don't tell
        hint = ", with --seed, --observation, --view and --host if they were given before"
    return f"{command}{hint}, and compare {place} in the place of {run.path}"


def _check_levels(runs: Sequence[Contestant], exams: Sequence[Exam]) -> None:
    for exam in exams:
        for run in runs:
            if run.scores[exam].levels != runs[0].scores[exam].levels:
                raise UsageError(
                    f"{run.path} and {runs[0].path} name the levels of {exam.suite} otherwise: one of their files "
                    f"was edited. Write both anew: {tell_again(run, exam)}; {tell_again(runs[0], exam)}."
                )

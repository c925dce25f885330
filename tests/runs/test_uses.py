"""Settings that a run would ignore are refused; those that it reads are not, of which it keeps count itself."""

import dataclasses
import importlib.metadata
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import Design, Wishes
from alpha_factory.runs import lessons, tuition
from alpha_factory.runs.evolution.programs import Programs
from alpha_factory.runs.lessons import begin_pupil, make_lesson
from alpha_factory.runs.resolve import list_designs, resolve_curriculum
from alpha_factory.runs.schooling.course import LessonPrograms
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.text import change, list_settings
from alpha_factory.runs.state import outline_state
from alpha_factory.runs.suites import held_out_levels
from alpha_factory.runs.uses import _NEEDS, check_used, find_reader
from runs import tiny
from runs.tiny_levels import SCHOLARLY, TINY

pytestmark = pytest.mark.implicit_promotion

DEMO = PRESETS["demo"]
NAMES = [*list_settings(DEMO)]


def choose(curriculum: str, learner: str, *changes: str) -> RunConfig:
    return change(DEMO, [f"curriculum.name={curriculum}", f"learner={learner}", *changes])


@pytest.mark.parametrize(
    ("curriculum", "learner", "name", "words"),
    [
        ("dr", "ppo", "levels.scouted", r"for --curriculum sfl: SFL: fresh levels that these are"),
        ("dr", "ppo", "levels.replay", r"for --curriculum accel\|mna\|naive-grounding\|plr\|rob"),
        ("plr", "ppo", "levels.parents_by", r"for --curriculum accel: ACCEL: which levels"),
        ("plr", "ppo", "curriculum.agents", r"for --curriculum poet: Agents of the run's past"),
        ("plr", "ppo", "curriculum.mutator", r"for --curriculum poet: How a child is made"),
        ("plr", "ppo", "search.simulations", r"for --learner muzero: Expansions of the tree"),
        ("plr", "ppo", "learning.batch", r"for --learner muzero: Unrolled sequences"),
        ("plr", "muzero", "ppo.clip", r"for --learner ppo: Of the ratio of chances"),
        ("plr", "muzero", "learning.ewc_decay", r"for --curriculum poet: Share of the earlier"),
        ("poet", "muzero", "levels.replay", r"for --curriculum accel\|"),
        ("poet", "muzero", "levels.lanes", r"for --curriculum accel\|degen\|dr\|mna"),
        ("poet", "muzero", "ppo.trace", r"for --learner ppo: lambda"),
        ("poet", "ppo", "levels.rounds", r"for --curriculum accel\|"),
        ("poet", "ppo", "network.widths", r"for --learner muzero: Hidden layers"),
        ("poet", "muzero", "curriculum.pace", r"for curriculum.growth=fixed: Of a fixed growth"),
        ("poet", "muzero", "curriculum.nearest", r"for curriculum.novelty=pata-ec"),
        ("poet", "muzero", "learning.ewc_sequences", r"for learning.ewc_weight above 0"),
        ("paired", "ppo", "levels.generator", r"for --curriculum accel\|dr\|mna"),
        ("degen", "ppo", "levels.number", r"for --curriculum accel\|dr\|mna"),
        ("paired", "muzero", "ppo.epochs", r"for --learner ppo"),
        ("dr", "ppo", "levels.odds", r"for levels.world=fruits: fruits: chance"),
        ("dr", "ppo", "ppo.layers", r"for ppo.memory=s5: Of S5"),
    ],
)
def test_setting_that_would_be_ignored_is_refused_with_what_it_is_for(
    curriculum: str, learner: str, name: str, words: str
) -> None:
    config = choose(curriculum, learner)
    start = rf"^{name} is not read by a run with --curriculum {curriculum} --learner {learner}, .*"
    with pytest.raises(UsageError, match=start + words) as caught:
        check_used(config, ["budget.frames", name])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("curriculum", "learner", "settings"),
    [
        ("sfl", "ppo", "levels.scouted levels.share levels.walls levels.number ppo.clip"),
        ("accel", "muzero", "levels.parents_by levels.score search.depth learning.batch ppo.trace"),
        ("paired", "muzero", "levels.builder_rate ppo.width ppo.memory levels.walls"),
        ("poet", "ppo", "levels.lanes learning.steps curriculum.iterations curriculum.agents"),
        ("poet", "muzero", "curriculum.mutator curriculum.novelty_weight network.latent"),
        ("dr", "ppo", "curriculum.chunks checkpoint_cycles playback.cycles budget.minutes"),
    ],
)
def test_setting_that_is_read_is_taken(curriculum: str, learner: str, settings: str) -> None:
    check_used(choose(curriculum, learner), settings.split())


def test_need_that_is_met_is_no_reason_to_refuse() -> None:
    for curriculum, needed, name in (
        ("poet", "curriculum.growth=fixed", "curriculum.pace"),
        ("poet", "curriculum.novelty=pata-ec", "curriculum.nearest"),
        ("poet", "learning.ewc_weight=1.0", "learning.ewc_decay"),
        ("dr", "levels.world=fruits", "levels.odds"),
    ):
        check_used(choose(curriculum, "muzero", needed), [name])


def test_every_setting_is_read_by_some_run() -> None:
    runs = [
        choose(name, learner) for name in ("poet", *list_designs()) for learner in ("muzero", "ppo")
    ]
    runs += [
        choose(name, "ppo", *changes)
        for name, *changes in (
            ("dr", "levels.world=fruits", "ppo.memory=s5"),
            ("poet", "curriculum.growth=fixed", "curriculum.novelty=pata-ec"),
        )
    ]
    runs.append(choose("poet", "muzero", "learning.ewc_weight=1.0"))
    assert [name for name in NAMES if all(find_reader(config, name) for config in runs)] == []


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Make this the only selector that is installed, as `mine`."""

    def replace(offered: Any) -> None:
        entry = type("Entry", (), {"name": "m", "value": "m:METHOD"})()
        entry.load = lambda: {"Selector": {"mine": offered}}
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: [entry])

    return replace


def test_method_of_anyone_says_itself_what_it_reads(install: Callable[[Any], None]) -> None:
    install(Design(lambda ground, wishes: None, Wishes(edits=3)))
    config = choose("mine", "ppo")
    check_used(config, ["levels.edits", "levels.lanes"])
    with pytest.raises(UsageError, match=r"levels\.kept is not .* for no curriculum that is inst"):
        check_used(config, ["levels.kept"])


def test_selector_that_is_no_design_is_refused(install: Callable[[Any], None]) -> None:
    install(lambda ground, wishes: None)
    with pytest.raises(UsageError, match=r"'mine' is a function and no Design: .*published"):
        resolve_curriculum("mine", "ppo")


def watch(value: Any, seen: set[str], prefix: str = "") -> Any:
    """The same config, which notes every setting that is read of it."""
    kind, names = type(value), {field.name for field in dataclasses.fields(value)}

    def read(self: Any, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name in names and not dataclasses.is_dataclass(found):
            seen.add(prefix + name)
        return found

    twin = object.__new__(type(kind.__name__, (kind,), {"__getattribute__": read}))
    for name in names:
        held = getattr(value, name)
        is_section = dataclasses.is_dataclass(held)
        object.__setattr__(twin, name, watch(held, seen, f"{name}.") if is_section else held)
    return twin


ON_THE_WAY = {"learning.ewc_weight", "levels.number"}
"""Read whatever the run is; without a pool nothing is ever consolidated, and without a generator no walls are drawn."""


def find_refused(config: RunConfig, seen: set[str]) -> set[str]:
    """Of the settings that were read those that a person may not set, but for what is read to be left alone."""
    assert len(seen) > 20
    named = seen & set(NAMES) - set(_NEEDS) - ON_THE_WAY
    return {name for name in named if find_reader(config, name)}


@pytest.mark.parametrize(
    ("curriculum", "learner"),
    [("accel", "ppo"), ("accel", "muzero"), ("paired", "muzero"), ("sfl", "ppo"), ("dr", "ppo")],
)
def test_run_on_levels_reads_no_setting_that_would_be_refused(
    monkeypatch: pytest.MonkeyPatch, curriculum: str, learner: str
) -> None:
    """Traced, not compiled. Wishes are all handed on, and their limits all looked at; the method says what it reads."""
    seen: set[str] = set()
    base = TINY if learner == "ppo" else SCHOLARLY
    config = change(
        base,
        [
            f"curriculum.name={curriculum}",
            "levels.score=pvl",
            "levels.scout_steps=16",
            "levels.kept=4",
        ],
    )
    watched = watch(config, seen)
    monkeypatch.setattr(lessons, "check_limits", lambda config: None)
    monkeypatch.setattr("alpha_factory.runs.build.check_limits", lambda config: None)
    lesson = make_lesson(watched)
    pupil = eqx.filter_eval_shape(lambda: begin_pupil(watched, lesson))
    eqx.filter_eval_shape(LessonPrograms(watched)._train, jax.random.key(0), pupil)
    seen -= {f"levels.{name}" for name in Wishes._fields}
    assert {"levels.lanes", "levels.rounds", "ppo.trace"} <= seen
    assert find_refused(config, seen) == set()


@pytest.mark.parametrize("learner", ["muzero", "ppo"])
def test_run_in_a_pool_reads_no_setting_that_would_be_refused(
    monkeypatch: pytest.MonkeyPatch, learner: str
) -> None:
    seen: set[str] = set()
    config = change(tiny.TINY, [f"learner={learner}"])
    watched = watch(config, seen)
    monkeypatch.setattr(tuition, "check_limits", lambda config: None)
    monkeypatch.setattr("alpha_factory.runs.build.check_limits", lambda config: None)
    programs = Programs(watched, tiny.MUTATOR, held_out_levels())
    state = outline_state(watched)
    kept = (state.pool, jax.random.key(0))
    eqx.filter_eval_shape(programs._train, kept, state.student)
    assert {"curriculum.slots", "curriculum.agents"} <= seen
    assert find_refused(config, seen) == set()

"""`report.html`: what a run did and learned, on one page that needs nothing else. A run directory in, the page out."""

import json
import shlex
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from alpha_factory.core.errors import UsageError
from alpha_factory.records import MetricRow
from alpha_factory.runs.files.directory import RunDirectory, compare_configs
from alpha_factory.runs.files.durable import explain_disk_full, write_whole
from alpha_factory.runs.report.data import RunRecord, median_plan, read_run
from alpha_factory.runs.report.honeypots import draw_honeypots
from alpha_factory.runs.report.memory import draw_memory
from alpha_factory.runs.report.results import draw_curves, draw_suites, percent, tell_result
from alpha_factory.runs.report.worlds import (
    draw_films,
    draw_gallery,
    draw_lineage,
    draw_transfers,
    pick_worlds,
)
from alpha_factory.runs.settings.presets import choose_preset
from alpha_factory.runs.settings.text import to_json

_TEMPLATE = "template.html"
_FIRST = 10  # accepted worlds whose plans those living now are compared with
_BY_COMMAND = ("preset", "seed", "budget.")
_FLAGS = {
    "curriculum.name": "--curriculum",
    "learner": "--learner",
    "curriculum.mutator": "--mutator",
}
_OF_A_POOL = ("Memory", "Tree", "Worlds", "Transfers", "Honeypots")


def write_report(run: Path) -> Path:
    """Write the page of the run at `run` from its files, be it over, at work or hardly begun.

    Returns:
        The page, which replaces an earlier one.

    Raises:
        UsageError: there is no run.
        RunConflict: one of its files is damaged; the message names it.
        DiskFull: no space was left; an earlier page is intact.
    """
    record = read_run(run)
    showcase = pick_worlds(record)
    sections = {
        "Results": ("How it compares", draw_suites(record)),
        "Films": ("The agent at work", draw_films(record, showcase)),
        "Curves": ("How it learned", draw_curves(record)),
        "Memory": ("What it remembers", draw_memory(record)),
        "Tree": ("Who descends from whom", draw_lineage(record, showcase)),
        "Worlds": ("Worlds it invented and kept", draw_gallery(record, showcase)),
        "Transfers": ("Between specialists and the generalist", draw_transfers(record)),
        "Honeypots": ("Honeypots", draw_honeypots(record)),
        "Settings": ("How to run it again", _draw_settings(record)),
    }
    if not record.has_pool:
        for without in _OF_A_POOL:
            del sections[without]
    name = run.resolve().name
    template = resources.files("alpha_factory.runs.report").joinpath(_TEMPLATE).read_text("utf-8")
    page = Template(template).substitute(
        title=f"{escape(name)}: an Alpha-Factory run",
        name=escape(name),
        lead=f'<p class="lead">{escape(tell_result(record))}</p>',
        facts=_draw_facts(record),
        links="".join(f'<a href="#{word.lower()}">{word}</a>' for word in sections),
        sections="\n".join(
            f'<section id="{word.lower()}"><h2>{title}</h2>{content}</section>'
            for word, (title, content) in sections.items()
        ),
    )
    places = RunDirectory(run)
    with explain_disk_full(places.report, places.checkpoints):
        write_whole(places.report, [page.encode()])
    return places.report


def _draw_facts(record: RunRecord) -> str:
    """Headline numbers; nothing where nothing was logged."""
    if not record.rows:
        return ""
    last = record.rows[-1]
    facts = [
        ("env steps", f"{last.frames:,}", ""),
        ("updates", f"{last.updates:,}", "gradient steps"),
        ("at work", _duration(last.wall_s), f"and {_duration(last.compile_s)} compiling"),
        *(_tell_pool(last) if record.has_pool else _tell_levels(last)),
        ("solved in training", percent(last.solve_rate), "of recent episodes"),
    ]
    children = [card for card in record.accepted if card.parents]
    first = median_plan(children[:_FIRST])
    now = median_plan([card for card in record.accepted if card.id in record.living])
    if len(children) >= _FIRST and first is not None and now is not None:
        facts.append(
            (
                "shortest plan",
                f"{first:g} → {now:g}",
                f"median of the first {_FIRST} accepted worlds and of those living now",
            )
        )
    items = "".join(
        f"<div><dt>{name}</dt><dd>{value}<small>{aside}</small></dd></div>"
        for name, value, aside in facts
    )
    return f'<dl class="facts">{items}</dl>'


def _tell_pool(last: MetricRow) -> list[tuple[str, str, str]]:
    aside = f"{last.worlds_rejected:,} rejected, {last.cycle:,} cycles"
    return [("worlds accepted", f"{last.worlds_accepted:,}", aside)]


def _tell_levels(last: MetricRow) -> list[tuple[str, str, str]]:
    kept, fill = last.values.get("buffer"), last.values.get("buffer_fill")
    if kept is None or fill is None:
        return []
    return [("levels kept", f"{kept:,.0f}", f"{percent(fill)} of the slots")]


def _draw_settings(record: RunRecord) -> str:
    command, note = _reproduce(record)
    text = json.dumps(record.config, indent=2, sort_keys=True)
    return (
        f'<pre><code>{escape(command)}</code></pre><p class="note">{note}</p>'
        f"<details><summary>All settings (config.json)</summary><pre><code>{escape(text)}</code></pre></details>"
    )


def _reproduce(record: RunRecord) -> tuple[str, str]:
    """The command that gives this run again, and what to know about it."""
    config = record.config
    words = ["alpha-factory", "run", "--preset", str(config.get("preset"))]
    words += ["--seed", str(config.get("seed"))]
    try:
        preset = to_json(choose_preset(str(config.get("preset"))))
    except UsageError:
        return shlex.join(words), "This version of alpha-factory has no such preset any more."
    changes = compare_configs(json.loads(json.dumps(preset)), config)
    differing = {name: now for name, _, now in changes}
    for setting, flag in _FLAGS.items():
        if setting in differing:
            words += [flag, str(differing[setting])]
    for name in sorted(differing):
        if not name.startswith((*_BY_COMMAND, *_FLAGS)):
            value = differing[name]
            words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    note = "The same command gives the same run on the same machine and version."
    frames = record.rows[-1].frames if record.rows else None
    if frames:
        words += ["--frames", str(frames)]
        note = (
            "It ends at the env step that this run has reached and not by the clock, which would stop another "
            "machine elsewhere. Same version and same kind of machine: same run."
        )
    return shlex.join(words), note


def _duration(seconds: int | float) -> str:
    """Seconds for people."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

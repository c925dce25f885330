"""The page's numbers: suites against baselines, and learning curves. A run's record in, markup out."""

import math
import statistics
from html import escape
from typing import Any

from alpha_factory.runs.report.charts import Line, Reference, draw_chart
from alpha_factory.runs.report.data import RunRecord
from alpha_factory.runs.report.figures import draw_figure, draw_rows, read_value
from alpha_factory.runs.report.novelty import draw_novelty
from alpha_factory.runs.report.practice import draw_practice
from alpha_factory.runs.schooling.plateau import explain_plateau
from alpha_factory.runs.suites import WATCHED

_OURS = "trained"
_BASELINES = ("random", "untrained")


def tell_result(record: RunRecord) -> str:
    """The run in a sentence: what the trained policy can do on worlds that it never trained on."""
    suite = _main_suite(record)
    if suite is None or _OURS not in suite["policies"]:
        reason = "it has not been evaluated yet" if record.rows else "it has only just begun"
        return f"What this run can do is not known: {reason}."
    ours = suite["policies"][_OURS]
    others = {name: suite["policies"][name] for name in _BASELINES if name in suite["policies"]}
    told = f"On the suite {suite['suite']} the trained policy solved {percent(ours['solve_rate'])} of episodes"
    told += f" (95 % interval {percent(ours['low'])} to {percent(ours['high'])})"
    compared = " and ".join(
        f"{percent(scores['solve_rate'])} by {_article(name)}" for name, scores in others.items()
    )
    told += f", against {compared}." if others else "."
    not_beaten = [name for name, scores in others.items() if ours["low"] <= scores["high"]]
    if not_beaten:
        told += f" That is no clear advance on {' or '.join(map(_article, not_beaten))}."
    return told


def draw_suites(record: RunRecord) -> str:
    """The table of suites; a sentence where there is none."""
    if not record.suites:
        return (
            '<p class="empty">No evaluation yet. It comes at the end of a run, or by '
            f"<code>alpha-factory evaluate {escape(str(record.path))} --suite {WATCHED}</code>.</p>"
        )
    bodies = "".join(map(_suite_rows, record.suites))
    return (
        '<div class="panel scroll" tabindex="0" role="region" aria-label="Table of suites"><table>'
        '<thead><tr><th scope="col">policy</th><th scope="col" class="num">solved</th>'
        '<th scope="col">95 % interval</th><th scope="col" class="num">from – to</th>'
        '<th scope="col" class="num">worst 10 %</th><th scope="col" class="num">mean return</th>'
        f"</tr></thead>{bodies}</table></div>"
        '<p class="note">Solved: the goal was reached within the step limit; mean over levels. Interval: bootstrap '
        "over levels. Worst 10 %: solve rate on the tenth of the levels where the policy does worst (CVaR), "
        "chosen by one half of the episodes and scored by the other.</p>"
    )


def draw_curves(record: RunRecord) -> str:
    """Learning curves; a sentence where nothing was logged."""
    if not record.rows:
        return '<p class="empty">Nothing has been logged yet.</p>'
    told = explain_plateau(
        record.rows,
        lanes=record.config.get("levels", {}).get("lanes", 1),
        minibatches=record.config.get("ppo", {}).get("minibatches", 1),
    )
    note = f"<p>{escape(told)}</p>" if told else ""
    charts = [
        draw_rows(
            record,
            "Solve rate",
            "Episodes that reached the goal: in training, and on held-out worlds without a search",
            {"training": lambda row: row.solve_rate, "held out": read_value("heldout_solve_rate")},
            references=_random_reference(record),
            is_share=True,
        ),
        _difficulty_chart(record),
        _mastery_chart(record),
        draw_rows(
            record,
            "Worlds",
            "Worlds living in the pool, and all that were ever accepted",
            {
                "in the pool": read_value("pool"),
                "accepted so far": lambda row: row.worlds_accepted,
            },
            is_step=True,
        )
        if record.has_pool
        else "",
        *draw_novelty(record),
        draw_rows(
            record,
            "Return",
            "Mean return of training episodes; at most 1",
            {"mean return": read_value("return_mean")},
        ),
        draw_rows(
            record,
            "Losses",
            "What the model is trained on, logarithmic",
            {name: read_value(f"loss_{name}") for name in ("value", "policy", "reward")},
            is_log=True,
        ),
        *draw_practice(record),
        draw_rows(
            record,
            "Policy entropy",
            "In nats; falls as the policy commits itself",
            {"entropy": read_value("policy_entropy")},
        ),
        draw_rows(
            record,
            "Gradient norm",
            "Before clipping, mean over a stretch",
            {"norm": read_value("gradient_norm")},
        ),
        draw_rows(
            record,
            "Speed",
            "Env steps a second, learning included",
            {"frames/s": read_value("frames_per_s")},
        ),
        draw_rows(
            record,
            "Replay ratio",
            "Sequences learned from for each env step, from the beginning on",
            {"sequences": read_value("replay_ratio")},
        ),
    ]
    return f'{note}<div class="charts">{"".join(charts)}</div>'


def percent(share: int | float | None) -> str:
    """A share of 1 for people."""
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.1f} %"


def _main_suite(record: RunRecord) -> dict[str, Any] | None:
    named = [suite for suite in record.suites if suite["suite"] == WATCHED]
    return next(iter(named or record.suites), None)


def _article(policy: str) -> str:
    return {"random": "a random policy", "untrained": "the untrained network"}[policy]


def _suite_rows(suite: dict[str, Any]) -> str:
    levels = f"{suite['levels']:,} levels, " if "levels" in suite else ""
    title = (
        f'<tr class="group"><th colspan="6" scope="rowgroup">{escape(suite["suite"])} <span>{levels}'
        f"step limit {suite['step_limit']}, episodes a level: {suite['episodes']:,}</span></th></tr>"
    )
    rows = (
        f'<tr class="{"ours" if name == _OURS else "baseline"}"><td>{escape(name)}</td>'
        f'<td class="num">{percent(scores["solve_rate"])}</td>'
        f'<td class="bar">{_interval(scores)}</td>'
        f'<td class="num">{percent(scores["low"])} – {percent(scores["high"])}</td>'
        f'<td class="num">{percent(scores.get("cvar_10_held"))}</td>'
        f'<td class="num">{_decimal(scores["return_mean"])}</td></tr>'
        for name, scores in suite["policies"].items()
    )
    return f"<tbody>{title}{''.join(rows)}</tbody>"


def _interval(scores: dict[str, Any]) -> str:
    ends = [scores["low"], scores["solve_rate"], scores["high"]]
    if any(end is None or not math.isfinite(end) for end in ends):
        return ""
    low, middle, high = (100 * end for end in ends)
    return (
        f'<span class="range" role="img" aria-label="{middle:.0f} % between {low:.0f} and {high:.0f} %">'
        f'<i style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
        f'<b style="left:{middle:.2f}%"></b></span>'
    )


def _decimal(value: int | float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _random_reference(record: RunRecord) -> list[Reference]:
    suite = _main_suite(record)
    if suite is None or "random" not in suite["policies"]:
        return []
    rate = suite["policies"]["random"]["solve_rate"]
    return [] if rate is None else [Reference(f"random policy, {suite['suite']}", rate)]


def _difficulty_chart(record: RunRecord) -> str:
    title, lines = "Difficulty", []
    logged = [(row.frames, row.values.get("median_path")) for row in record.rows]
    median = [(frames, value) for frames, value in logged if value is not None]
    if median:
        lines.append(Line("median of the pool", median, is_step=True))
    plans = [
        (card.frames, card.shortest_path)
        for card in record.accepted
        if card.shortest_path is not None
    ]
    if plans:
        lines.append(Line("accepted worlds", plans, is_cloud=True))
    if not lines:
        return ""
    about = "Actions of the shortest plan, turns included"
    return draw_figure(title, about, draw_chart(title, lines))


def _mastery_chart(record: RunRecord) -> str:
    """How the solve rate of the pool's worlds falls with the length of their plans."""
    rates: dict[int, list[float]] = {}
    known = record.living & record.latest.keys()
    for card in record.accepted:
        if card.id in known and card.shortest_path is not None:
            rates.setdefault(card.shortest_path, []).append(record.latest[card.id].solve_rate)
    if not rates:
        return ""
    plans = sorted(rates)
    means = [(plan, statistics.fmean(rates[plan])) for plan in plans]
    points = [(plan, rate) for plan in plans for rate in rates[plan]]
    lines = [Line("mean", means), Line("a world", points, is_cloud=True)]
    title = "Mastery"
    about = "Solve rate of each living world when last played, by the length of its shortest plan"
    svg = draw_chart(title, lines, is_share=True, x_label="actions of the shortest plan")
    return draw_figure(title, about, svg)

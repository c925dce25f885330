"""The page of a run, read back as a browser would."""

import itertools
import json
import re
from html.parser import HTMLParser

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.errors import RunConflict, UsageError
from alpha_factory.genome import from_values, to_hex
from alpha_factory.records import (
    HoneypotCheck,
    MetricRow,
    Retirement,
    Transfer,
    WorldCard,
    WorldLook,
    WorldScore,
)
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.files.metrics import MetricWriter
from alpha_factory.runs.report import write_report
from alpha_factory.runs.report.tree import draw_tree
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.text import to_json
from alpha_factory.worlds import from_text, make_grid, write_gif

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """What a page holds; fails on tags that don't match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]

    def by_class(self, kind: str) -> list[dict]:
        return [tag for _, tag in self.tags if kind in (tag.get("class") or "").split()]


def _maze(number: int) -> np.ndarray:
    """A genome whose map no other number's has."""
    return from_values({"width": 9, "height": 9, "clutter": 128, "layout_seed": number})


def _card(number, *, parents, cycle, verdict="accepted", plan=5, genome=None, operator="bit-flip"):
    genome = _maze(number) if genome is None else genome
    return WorldCard(
        id=number,
        genome=to_hex(genome),
        parents=parents,
        operator=operator if parents else "seed",
        cycle=cycle,
        frames=1000 * cycle,
        verdict=verdict,
        shortest_path=plan,
    )


def _row(step: int, **values) -> MetricRow:
    return MetricRow(
        frames=1000 * step,
        updates=10 * step,
        cycle=step,
        wall_s=60.0 * step,
        compile_s=12.0,
        worlds_accepted=2 * step,
        worlds_rejected=3 * step,
        solve_rate=None if step == 0 else min(0.2 * step, 1.0),
        values=values,
    )


def _scores(rate: float) -> dict:
    return {
        "solve_rate": rate,
        "low": rate - 0.05,
        "high": rate + 0.05,
        "cvar_10": rate / 4,
        "cvar_10_held": rate / 2,
        "return_mean": rate - 0.1,
    }


def _suite(trained: float, random: float) -> dict:
    return {
        "suite": "generated-v1",
        "suite_hash": "ab",
        "step_limit": 250,
        "levels": 64,
        "episodes": 8,
        "policies": {
            "trained": _scores(trained),
            "untrained": _scores(0.12),
            "random": _scores(random),
        },
    }


def _begin(path, **changes) -> None:
    """A run that has settings and nothing else."""
    path.mkdir()
    config = to_json(PRESETS["demo"]) | changes
    (path / "config.json").write_text(json.dumps(config))


def _film(path) -> None:
    level, world = from_text(">..G"), make_grid()
    step = jax.jit(world.step)
    state = world.reset(level, key=jax.random.key(0))
    states = [state]
    for _ in range(3):
        state, _ = step(level, state, jnp.int32(2), key=jax.random.key(0))
        states.append(state)
    path.parent.mkdir()
    write_gif(path, level, [jax.tree.map(np.asarray, state) for state in states])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that has everything: the directory and its page."""
    path = tmp_path_factory.mktemp("runs") / "first & <best>"
    _begin(path, seed=5)
    worlds = [_card(0, parents=[], cycle=0)]
    for number in range(1, 41):
        cycle = (number - 1) // 8
        verdict = ("accepted", "too easy", "too hard", "duplicate")[number % 4]
        worlds.append(
            _card(
                number,
                parents=[(number // 16) * 4],
                cycle=cycle,
                verdict=verdict,
                plan=4 + number,
                operator="bit-flip + rule" if number % 3 == 0 else "bit-flip",
            )
        )
    with Archive(path / "worlds.sqlite") as archive:
        archive.record(
            worlds=worlds,
            scores=[
                WorldScore(
                    world=4,
                    cycle=cycle,
                    frames=1000 * cycle,
                    normalised_return=0.5,
                    solve_rate=0.25 * cycle,
                    episodes=8,
                )
                for cycle in range(1, 4)
            ],
            transfers=[
                Transfer(
                    cycle=3,
                    direction="to generalist",
                    specialist=4,
                    helped=8,
                    gain=0.25,
                    merged=True,
                ),
                Transfer(
                    cycle=3,
                    direction="to specialist",
                    specialist=4,
                    source=8,
                    helped=4,
                    gain=0.5,
                    merged=True,
                ),
                Transfer(cycle=4, direction="to generalist", specialist=8, gain=-0.1, merged=False),
                Transfer(cycle=4, direction="to specialist", specialist=8, gain=-0.2, merged=False),
            ],
            honeypots=[
                HoneypotCheck(
                    world=world,
                    cycle=cycle,
                    frames=1000 * cycle,
                    training=1.0,
                    evaluation=0.4 if is_incident else 1.0,
                    episodes=100,
                    is_incident=is_incident,
                )
                for cycle, world, is_incident in ((2, 4, False), (3, 8, False), (4, 4, True))
            ],
            retirements=[Retirement(world=8, cycle=4, reason="mastered")],
        )
    with MetricWriter(path) as metrics:
        for step in range(6):
            metrics.write(
                _row(
                    step,
                    pool=step + 1,
                    median_path=5.0 + step,
                    loss_value=1.0 / (step + 1),
                    annecs=3 * step,
                    qd_frontier=0.1 * step if step else None,
                )
            )
    (path / "evaluation.json").write_text(json.dumps([_suite(0.7, 0.15)]))
    _film(path / "media" / "world-00004-solved.gif")
    return path, Page(write_report(path).read_text(encoding="utf-8"))


def test_page_is_the_run_directorys_report(finished):
    path, _ = finished
    assert write_report(path) == path / "report.html"


def test_page_is_the_same_bytes_every_time(finished):
    path, _ = finished
    before = (path / "report.html").read_bytes()
    assert write_report(path).read_bytes() == before


def test_page_needs_nothing_from_elsewhere(finished):
    path, page = finished
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "data", "srcset", "poster"):
            if name in attributes:
                assert attributes[name].startswith(("#", "data:image/")), attributes
    text = (path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!#)", text)
    assert not page.all("link")


def test_names_on_the_page_are_unique_and_links_lead_somewhere(finished):
    _, page = finished
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    links = {tag["href"] for tag in page.all("a")} | {tag["xlink:href"] for tag in page.all("use")}
    assert {link.removeprefix("#") for link in links} <= set(names)


def test_every_picture_has_words(finished):
    _, page = finished
    assert all(tag["alt"] for tag in page.all("img"))
    assert all(tag["aria-label"] for _, tag in page.tags if tag.get("role") == "img")


def test_name_of_the_run_is_escaped(finished):
    _, page = finished
    assert "first & <best>" in page.text
    assert not page.all("best")


def test_page_tells_the_result_against_the_baselines(finished):
    _, page = finished
    assert (
        "On the suite generated-v1 the trained policy solved 70.0 % of episodes (95 % interval 65.0 % to 75.0 %), "
        "against 15.0 % by a random policy and 12.0 % by the untrained network." in page.text
    )
    assert "no clear advance" not in page.text
    assert "64 levels, step limit 250, episodes a level: 8" in page.text
    bars = [tag["style"] for tag in page.all("b") if "style" in tag]
    assert bars == ["left:70.00%", "left:12.00%", "left:15.00%"]


def test_headline_numbers_are_those_of_the_last_row(finished):
    _, page = finished
    for words in (
        "env steps 5,000",
        "updates 50",
        "5 min and 12 s compiling",
        "worlds accepted 10 15 rejected, 5 cycles",
        "solved in training 100.0 %",
    ):
        assert words in page.text, words


def test_median_plans_compare_the_first_ten_with_the_living(finished):
    _, page = finished
    # Accepted children are worlds 4, 8 … 40 with plans 8, 12 … 44: median 26. The living are world 0 (5) and all
    # but world 8: 5, 8, 16, 20 … 44.
    assert "shortest plan 26 → 26" in page.text


def test_tree_has_every_world_and_links_to_its_picture(finished):
    _, page = finished
    nodes = page.by_class("node")
    assert sorted(int(node["data-id"]) for node in nodes) == list(range(41))
    assert len(page.by_class("edge")) == 40
    assert len(page.by_class("gone")) == 1
    assert {"href": "#world-4"} in page.all("a")


def test_gallery_and_films_show_the_worlds(finished):
    _, page = finished
    assert "World 40: 44 steps from 8 by bit-flip in cycle 4" in page.text
    assert "solve rate 75.0 %" in page.text  # the last of three scores
    assert "World 4 Goal reached." in page.text
    assert sum(tag["src"].startswith("data:image/gif") for tag in page.all("img")) == 1


def test_mutations_are_counted_each(finished):
    _, page = finished
    assert "accepted 10 (25.0 %)" in page.text
    assert "mutation proposed accepted share bit-flip 40 10 25.0 % rule 13 3 23.1 %" in page.text


def test_transfers_are_listed_best_first(finished):
    _, page = finished
    assert "2 specialists fine-tuned on one world each, 1 merged into the generalist;" in page.text
    assert (
        "1 took over a policy that did better on their own world, 1 of these another" in page.text
    )
    assert (
        "3 specialist of 8 specialist of 4 4 +0.500 yes 3 specialist of 4 generalist 8 +0.250 yes "
        "4 specialist of 8 generalist none -0.100 no 4 generalist specialist of 8 none -0.200 no"
    ) in page.text


def test_honeypots_that_were_hacked_are_counted_and_listed(finished):
    _, page = finished
    assert "1 possible case of reward hacking in 3 checks of 2 honeypots" in page.text
    assert "cycle world training evaluation 4 4 100.0 % 40.0 %" in page.text


def test_charts_are_drawn_in_the_pages_own_colours(finished):
    path, page = finished
    charts = {tag["aria-label"].split(":")[0]: tag["aria-label"] for tag in page.by_class("chart")}
    assert charts.keys() == {
        "Solve rate",
        "Difficulty",
        "Mastery",
        "Worlds",
        "New and solved",
        "Frontier",
        "Losses",
    }
    assert charts["New and solved"] == "New and solved: worlds from 0 to 15."
    assert charts["Frontier"] == "Frontier: quality diversity from 0.1 to 0.5."
    assert charts["Solve rate"] == (
        "Solve rate: training from 20 % to 100 %; random policy, generated-v1 15 %."
    )
    drawn = "".join(
        re.findall(r'<svg class="chart".*?</svg>', path.joinpath("report.html").read_text(), re.S)
    )
    assert "var(--series-1)" in drawn
    assert "#0a0b" not in drawn


def test_command_reproduces_the_run(finished):
    _, page = finished
    assert "alpha-factory run --preset demo --seed 5 --frames 5000 " in page.text
    assert "--set" not in page.text


def test_command_has_the_settings_that_differ_from_the_preset(tmp_path):
    learning = to_json(PRESETS["demo"])["learning"] | {"discount": 0.9}
    _begin(tmp_path / "run", learning=learning)
    page = Page(write_report(tmp_path / "run").read_text(encoding="utf-8"))
    assert "--seed 0 --set learning.discount=0.9" in page.text


def test_page_of_a_run_that_has_hardly_begun_says_so(tmp_path):
    _begin(tmp_path / "run")
    page = Page(write_report(tmp_path / "run").read_text(encoding="utf-8"))
    for words in (
        "What this run can do is not known: it has only just begun.",
        "No evaluation yet",
        "No episode has been filmed yet",
        "Nothing has been logged yet",
        "No world has been played again yet",
        "so there is no tree",
        "so there is none to show",
        "No specialist has been trained yet",
        "alpha-factory run --preset demo --seed 0",
    ):
        assert words in page.text, words
    assert not page.all("svg")


def test_page_of_a_run_with_one_row_and_one_world_is_whole(tmp_path):
    _begin(tmp_path / "run")
    with Archive(tmp_path / "run" / "worlds.sqlite") as archive:
        archive.record(worlds=[_card(0, parents=[], cycle=0)])
    with MetricWriter(tmp_path / "run") as metrics:
        metrics.write(_row(0, loss_value=0.0, return_mean=None, pool=1))
    page = Page(write_report(tmp_path / "run").read_text(encoding="utf-8"))
    assert "it has not been evaluated yet" in page.text
    assert "solved in training –" in page.text
    assert len(page.by_class("node")) == 1


def test_result_that_chance_explains_is_not_sold_as_learning(tmp_path):
    _begin(tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").write_text(json.dumps([_suite(0.18, 0.15)]))
    page = Page(write_report(tmp_path / "run").read_text(encoding="utf-8"))
    assert "That is no clear advance on a random policy or the untrained network." in page.text


def test_directory_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize("content", ["{", '"text"', '[{"suite": "a"}]', "[[]]"])
def test_damaged_evaluation_is_named(tmp_path, content):
    _begin(tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").write_text(content)
    with pytest.raises(RunConflict, match=r"evaluation\.json is not"):
        write_report(tmp_path / "run")
    assert not (tmp_path / "run" / "report.html").exists()


LOOKS = 6


@pytest.fixture
def remembered(tmp_path):
    """A run of seven worlds on the panel, all from the first look but one; no page yet.

    Five are solved always until they leave in cycle 8 and in half of the episodes after.
    """
    path = tmp_path / "run"
    _begin(path)
    looks = [
        WorldLook(
            world=world,
            cycle=4 * at,
            frames=4000 * at,
            solve_rate=0.5 if world > 5 or at in (0, 3, 4, 5) else 1.0,
            untrained=0.25 if at == (3 if world == 7 else 0) else None,
            episodes=8,
        )
        for at in range(LOOKS)
        for world in range(1, 8)
        if world < 7 or at >= 3
    ]
    with Archive(path / "worlds.sqlite") as archive:
        archive.record(
            worlds=[_card(0, parents=[], cycle=0)]
            + [
                _card(world, parents=[0], cycle=0 if world < 7 else 12, genome=from_values({}))
                for world in range(1, 8)
            ],
            looks=looks,
        )
    return path


def _leave(path, worlds) -> Page:
    """The page once these worlds have left the pool."""
    gone = [Retirement(world=world, cycle=10, reason="mastered") for world in worlds]
    with Archive(path / "worlds.sqlite") as archive:
        archive.record(retirements=gone)
    return Page(write_report(path).read_text(encoding="utf-8"))


def test_page_tells_what_was_forgotten_and_what_carried_over(remembered):
    page = _leave(remembered, range(1, 6))
    assert (
        "Of 5 worlds on the panel that were trained on and have left the pool, 100.0 % of episodes were solved at the "
        "last look before they left and 50.0 % at the last of 6 looks: forgetting +50.0 percentage points (95 % "
        "interval +50.0 to +50.0). 5 of 7 worlds on the panel were solved in 90.0 % or more of their episodes at some "
        "look; catastrophic losses, which fell under 50.0 % and stayed there at their last 2 looks or more: 0. "
        "Of 7 worlds, 50.0 % of episodes were solved before anything was trained on them, "
        "against 25.0 % by the untrained network: forward transfer +25.0 percentage points "
        "(95 % interval +25.0 to +25.0)." in page.text
    )


def test_forgetting_that_chance_explains_is_called_so(remembered):
    # One lost half, one gained half, and three are as they were.
    with Archive(remembered / "worlds.sqlite") as archive:
        archive.record(
            looks=[
                WorldLook(world=world, cycle=24, frames=24_000, solve_rate=rate, episodes=8)
                for world, rate in ((1, 0.5), (2, 1.0), (3, 1.0), (4, 1.0), (6, 1.0))
            ]
        )
    page = _leave(remembered, (1, 2, 3, 4, 6))
    assert "forgetting +0.0 percentage points" in page.text
    assert "which can be chance." in page.text
    assert (
        "forward transfer +25.0 percentage points (95 % interval +25.0 to +25.0). Part" in page.text
    )


def test_page_says_so_where_too_few_worlds_have_left(remembered):
    page = _leave(remembered, range(1, 4))
    assert "What was forgotten is not known yet: fewer than 5 worlds" in page.text
    assert "forward transfer +25.0 percentage points" in page.text


def test_matrix_has_a_row_a_world_that_is_thin_after_it_left(remembered):
    page = _leave(remembered, range(1, 6))
    (drawing,) = page.by_class("memory")
    assert drawing["aria-label"] == (
        "Solve rates of 7 worlds over 6 looks; 2 of them live in the pool, "
        "and 50.0 % of episodes were solved at the last look."
    )
    text = (remembered / "report.html").read_text(encoding="utf-8")
    rows = re.findall(r'<g class="row">(.*?)</g>', text, re.S)
    assert len(rows) == 7
    assert (
        "<title>World 1 joined in cycle 0; solved 50.0 % (untrained 25.0 %); left the pool in cycle 10; "
        "50.0 % at the last look</title>" in rows[0]
    )
    bars = [
        re.findall(r'<rect x="([\d.]+)".*?width="([\d.]+)" height="(\d+)"', row) for row in rows
    ]
    # Half, whole until it leaves, whole until the next look, half.
    assert [height for *_, height in bars[0]] == ["12", "12", "5", "5"]
    assert [height for *_, height in bars[5]] == ["12"]  # lives, and is always solved as often
    (mark,) = re.findall(r'class="left" x1="([\d.]+)"', rows[0])
    assert mark == bars[0][2][0]
    assert 'class="left"' not in rows[5]
    ends = {round(float(row[-1][0]) + float(row[-1][1])) for row in bars}
    assert len(ends) == 1
    # World 7 joined at the fourth of six looks.
    assert float(bars[6][0][1]) == pytest.approx(float(bars[5][0][1]) / 2, abs=0.2)


def test_matrix_of_a_long_run_is_drawn_in_means_of_neighbours(remembered):
    with Archive(remembered / "worlds.sqlite") as archive:
        archive.record(
            looks=[
                WorldLook(
                    world=1,
                    cycle=4 * at,
                    frames=4000 * at,
                    solve_rate=at % 2,
                    episodes=8,
                )
                for at in range(LOOKS, 1000)
            ]
        )
    page = Page(write_report(remembered).read_text(encoding="utf-8"))
    assert len(page.by_class("row")) == 1
    assert len(page.all("rect")) <= 64 + 2  # and two in the key


def _lineage(cycles: int, accepted: int, rejected: int) -> list[WorldCard]:
    """Every cycle's worlds descend from the first one of the cycle before."""
    genome = from_values({})
    worlds, parent = [_card(0, parents=[], cycle=0, genome=genome)], 0
    for cycle in range(cycles):
        first = len(worlds)
        for index in range(accepted + rejected):
            verdict = "accepted" if index < accepted else "too hard"
            worlds.append(
                _card(first + index, parents=[parent], cycle=cycle, verdict=verdict, genome=genome)
            )
        parent = first
    return worlds


def _circles(svg: str) -> dict[int, tuple[float, float, float]]:
    found = re.findall(r'data-id="(\d+)">.*?<circle cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', svg)
    return {int(number): (float(x), float(y), float(r)) for number, x, y, r in found}


def test_worlds_in_the_tree_do_not_overlap_and_come_after_their_parents():
    worlds = _lineage(cycles=6, accepted=7, rejected=20)
    circles = _circles(draw_tree(worlds, [], frozenset()).svg)
    assert len(circles) == len(worlds)
    columns: dict[float, list] = {}
    for x, y, radius in circles.values():
        columns.setdefault(x, []).append((y, radius))
    for column in columns.values():
        column.sort()
        for (above, upper), (below, lower) in itertools.pairwise(column):
            assert below - above >= upper + lower
    for card in worlds:
        assert all(circles[parent][0] < circles[card.id][0] for parent in card.parents)


def test_tree_of_thousands_shows_accepted_worlds_only_and_says_so():
    worlds = _lineage(cycles=40, accepted=5, rejected=60)
    tree = draw_tree(worlds, [], frozenset())
    assert len(_circles(tree.svg)) == 201
    assert (
        "201 accepted worlds over 40 cycles. The 2,400 rejected ones are not drawn." == tree.caption
    )
    assert not tree.has_rejected


def test_tree_of_too_many_accepted_worlds_shows_the_living_and_their_ancestors():
    worlds = _lineage(cycles=100, accepted=8, rejected=0)
    living = {card.id for card in worlds if card.cycle >= 90}
    gone = [
        Retirement(world=card.id, cycle=99, reason="mastered")
        for card in worlds
        if card.id not in living
    ]
    tree = draw_tree(worlds, gone, frozenset())
    ancestors = {0, *range(1, 90 * 8, 8)}
    assert _circles(tree.svg).keys() == living | ancestors
    assert (
        "of which those that live in the pool now are drawn with all their ancestors"
        in tree.caption
    )
    everyone = draw_tree(worlds, [], frozenset())
    assert len(_circles(everyone.svg)) <= 500
    assert re.search(r"the \d+ newest of those that live", everyone.caption)

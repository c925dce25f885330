"""Figures for a paper: nothing overlaps, grey is enough, and unequal budgets are written on them."""

import itertools
import json

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.comparison import compare, compare_runs
from alpha_factory.runs.comparison.figures import (
    draw_curves,
    draw_improvement,
    draw_intervals,
    draw_profiles,
)
from alpha_factory.runs.comparison.style import MOST, add_note, mark_of, paper
from runs.comparison.toy import FRAMES, LEVELS, write_run


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """As many groups as a figure can show, of two runs each."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [
        write_run(folder / f"{at}-{seed}", seed=seed, skill=0.3 + 0.1 * at, novelty_weight=at / 10)
        for at in range(MOST)
        for seed in range(2)
    ]
    return compare_runs(runs)


def draw(told, name):
    (suite,) = told["suites"]
    with paper():
        figure = {
            "curves": lambda: draw_curves(told["curves"], "env steps"),
            "intervals": lambda: draw_intervals(suite),
            "profiles": lambda: draw_profiles(suite),
            "improvement": lambda: draw_improvement(suite),
        }[name]()
        add_note(figure, told["note"], is_loud=True)
        FigureCanvasAgg(figure).draw()
        return figure


def words(figure):
    """Every text that is seen, with its place."""
    return [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip()
    ]


@pytest.mark.parametrize("name", ["curves", "intervals", "profiles", "improvement"])
def test_no_words_overlap_or_leave_the_figure(name, told):
    figure = draw(told, name)
    shown = {(text, tuple(box.bounds)): box for text, box in words(figure)}
    ticks = {label for axes in figure.axes for label in _hidden_ticks(axes)}
    boxes = [(text, box) for (text, bounds), box in shown.items() if (text, bounds) not in ticks]
    for (one, left), (other, right) in itertools.combinations(boxes, 2):
        apart = (
            left.x1 <= right.x0 or right.x1 <= left.x0 or left.y1 <= right.y0 or right.y1 <= left.y0
        )
        assert apart, (one, other)
    whole = figure.bbox
    for text, box in boxes:
        assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1, text  # noqa: PT018
        assert box.y0 >= whole.y0 - 1 and box.y1 <= whole.y1 + 1, text  # noqa: PT018


def _hidden_ticks(axes):
    """Labels of ticks outside the view, which are not drawn."""
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        low, high = sorted(limits)
        for tick in axis.get_major_ticks():
            if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                yield tick.label1.get_text(), tuple(tick.label1.get_window_extent().bounds)


# What is left of linear red, green and blue without one kind of cones (Machado, Oliveira and Fernandes 2009).
CONES = {
    "all": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
    "grey": [[0.213, 0.715, 0.072]] * 3,
}


def to_lab(colour, cones):
    """CIELAB under D65, where 1 is what the eye can just tell apart."""
    shown = np.array(to_rgb(colour))
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(CONES[cones]) @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ seen
        / [0.9505, 1.0, 1.089]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("cones", CONES)
def test_colours_of_groups_differ_for_every_eye_and_in_grey(cones):
    colours = [to_lab(mark_of(index).colour, cones) for index in range(MOST)]
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(one - other) > 12


def test_groups_differ_in_line_and_in_point():
    marks = [mark_of(index) for index in range(MOST)]
    assert len({str(mark.line) for mark in marks}) == len({mark.point for mark in marks}) == MOST


def test_files_are_of_300_dots_an_inch_and_of_vectors(tmp_path):
    run = write_run(tmp_path / "run", seed=0)
    figures = compare_runs([run], out=tmp_path / "figures")["figures"]
    kinds = ["curves", "mazes-v1-250-intervals", "mazes-v1-250-profiles"]
    assert figures == [
        str(tmp_path / "figures" / f"{kind}.{ending}")
        for kind in kinds
        for ending in ("png", "pdf")
    ]
    with Image.open(figures[2]) as picture:
        assert picture.width == pytest.approx(2100, abs=2)
        assert picture.info["dpi"][0] == pytest.approx(300, abs=1)
    assert (tmp_path / "figures" / "curves.pdf").read_bytes().startswith(b"%PDF")


def test_unequal_budgets_are_written_on_the_figure(tmp_path):
    runs = [write_run(tmp_path / str(at), seed=at, frames=FRAMES * (1 + at)) for at in range(2)]
    told = compare_runs(runs, may_differ=True)
    figure = draw(told, "profiles")
    assert any("UNEQUAL BUDGETS" in " ".join(text.split()) for text, _ in words(figure))


def test_more_groups_than_can_be_told_apart_are_not_drawn(tmp_path, monkeypatch):
    runs = [write_run(tmp_path / str(at), seed=0, slots=32 + at) for at in range(MOST + 1)]
    assert len(compare_runs(runs)["groups"]) == MOST + 1
    monkeypatch.setattr(compare, "judge", None)  # told before the work
    with pytest.raises(UsageError, match="7 groups are more than the 6"):
        compare_runs(runs, out=tmp_path / "figures")


@pytest.mark.parametrize("place", ["file", "file/figures"])
def test_place_that_is_no_folder_is_told_before_the_work(place, tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", seed=0)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(compare, "judge", None)
    with pytest.raises(UsageError, match=rf"--out .*{place} .*Name another folder"):
        compare_runs([run], out=tmp_path / place)


@pytest.mark.parametrize("draw_figure", [draw_improvement, draw_intervals, draw_profiles])
def test_points_at_the_ends_of_an_axis_are_whole(draw_figure, tmp_path):
    runs = [write_run(tmp_path / str(slots), seed=0, slots=slots) for slots in (64, 128)]
    for run, rate in zip(runs, (0.0, 1.0), strict=True):
        path = run / "evaluation.json"
        suites = json.loads(path.read_bytes())
        suites[0]["policies"]["trained"]["by_level"]["solve_rate"] = [rate] * LEVELS
        path.write_text(json.dumps(suites))
    figure = draw_figure(compare_runs(runs)["suites"][0])
    points = [
        line
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() not in ("None", "", None)
    ]
    assert points
    assert not any(line.get_clip_on() for line in points)


def test_worst_hundredth_of_few_levels_is_not_drawn(told):
    (suite,) = told["suites"]
    both = [axes.get_title() for axes in draw_intervals(suite).axes]
    few = [axes.get_title() for axes in draw_intervals(suite | {"levels": 8}).axes]
    assert both == ["mean", "IQM", "worst 10 %", "worst 1 %"]
    assert few == both[:3]


def test_settings_of_matplotlib_are_put_back():
    before = mpl.rcParams["font.size"]
    with paper():
        assert mpl.rcParams["font.size"] == 8
    assert mpl.rcParams["font.size"] == before

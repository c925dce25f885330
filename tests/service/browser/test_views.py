"""Every view of a real run, as a person with a browser, a keyboard or a narrow screen meets it."""

import collections
import csv
import re
import shutil
import time

import pytest
from playwright.sync_api import expect

from browser_run import serving

RUN = "/runs/first"
VIEWS = {
    "/": "Runs",
    f"{RUN}/now": "first",
    f"{RUN}/worlds": "Worlds",
    f"{RUN}/worlds/0": "World 0",
    f"{RUN}/lineage": "Lineage",
    f"{RUN}/learning": "Learning",
    f"{RUN}/evaluation": "Evaluation",
    f"{RUN}/safety": "Safety",
    f"{RUN}/steering": "Steering",
}
CHOSEN = {"/runs/chosen/worlds": "Worlds", "/runs/chosen/lineage": "Lineage"}
FRAMES = re.compile("^Frames$")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_views_open_without_a_barrier_a_complaint_or_a_sideways_scroll(look, width, dark):
    reader = look(width=width, dark=dark)
    for place, title in {**VIEWS, **CHOSEN}.items():
        page = reader.open(place)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_text(re.compile("^(Reading|Fetching)"))).to_have_count(0)
        current = page.locator("nav a[aria-current=page]")
        if current.count():
            expect(current).to_be_in_viewport()
        assert reader.find_barriers() == [], place
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{place} is {wide} pixels wide"
    assert reader.complaints == []


def test_every_view_is_reached_and_worked_by_keyboard_alone(look):
    page = look().open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("link", name="first").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("first")
    for key, (place, title) in enumerate(list(VIEWS.items())[1:], start=1):
        if place.endswith("/0"):
            continue
        page.keyboard.press(str(key if key < 3 else key - 1))
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("0")
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")


def test_focus_goes_in_the_order_of_the_page_and_is_seen(look):
    page = look().open(f"{RUN}/worlds")
    expect(page.locator("a.world").first).to_be_visible()
    told = []
    for _ in range(12):
        page.keyboard.press("Tab")
        told.append(
            page.evaluate(
                """() => {
                    const one = document.activeElement;
                    const style = getComputedStyle(one);
                    const is_seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                    return [one.textContent.trim().slice(0, 20) || one.ariaLabel, is_seen];
                }"""
            )
        )
    names = [name for name, _ in told]
    assert names[:2] == ["Skip to the content", "Alpha-Factory"]
    views = ["Now", "Worlds", "Lineage", "Learning", "Evaluation", "Safety", "Steering"]
    assert names[2:10] == [*views, "All runs"]
    assert all(is_seen for _, is_seen in told), told


def test_chart_is_read_and_zoomed_by_keyboard(look):
    page = look().open(f"{RUN}/learning?smooth=0.9")
    chart = page.locator(".chart").first
    chart.focus()
    page.keyboard.press("Home")
    said = page.locator(".chart + [role=status]").first
    expect(said).to_have_text(re.compile("frames: solve rate [0-9.]+.%"))
    first = said.inner_text()
    page.keyboard.press("ArrowRight")
    expect(said).not_to_have_text(first)
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("to=[0-9]+"))
    expect(chart).to_be_focused()
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("/learning.smooth=0.9$"))


def test_help_lists_the_keys_takes_them_and_gives_the_focus_back(look):
    page = look().open(f"{RUN}/worlds")
    button = page.get_by_role("button", name="Help and keyboard shortcuts")
    button.focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    listed = {kbd.strip() for kbd in dialog.locator("kbd").all_inner_texts()}
    assert {"1", "7", "0", "/", "t", "?", "Space", "Esc", "r", "f", "+"} <= listed
    page.keyboard.press("4")  # not while the dialog is there
    expect(page).to_have_url(re.compile("/worlds$"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    page.keyboard.press("4")
    expect(page).to_have_url(re.compile("/learning$"))


def test_no_key_does_anything_while_somebody_types(look):
    page = look().open(f"{RUN}/worlds")
    field = page.get_by_role("searchbox")
    expect(field).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    shade = page.evaluate("document.documentElement.dataset.theme")
    page.keyboard.type("t1 0?4/")
    expect(field).to_have_value("t1 0?4/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Worlds")
    assert page.evaluate("document.documentElement.dataset.theme") == shade
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") != shade


@pytest.mark.parametrize("place", [f"{RUN}/worlds", f"{RUN}/worlds/0", f"{RUN}/lineage"])
def test_space_plays_or_rests_and_does_not_scroll(look, place):
    page = look(width=360).open(place)
    button = page.locator("button[aria-keyshortcuts=Space]")
    expect(button).to_be_visible()

    def label():
        return button.get_attribute("aria-label") or button.inner_text()

    before = label()
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert label() != before
    assert page.evaluate("scrollY") == 0


def test_run_on_chosen_levels_shows_those_that_were_filmed(look):
    page = look().open("/runs/chosen/worlds")
    expect(page.get_by_text("The method accel chooses levels for itself")).to_be_visible()
    page.locator("a.world").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Level [0-9a-f]+$"))
    expect(page.get_by_role("heading", name="The agent")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("The agent's episode of"))).to_be_visible()
    page.goto(page.url.split("/worlds")[0] + "/lineage")
    expect(page.get_by_text("This run has no lineage")).to_be_visible()


@pytest.mark.parametrize(
    ("place", "title"),
    [
        (f"{RUN}/worlds/999999999", "World 999999999"),
        (f"{RUN}/no-such-view", "There is nothing at this address"),
        ("/runs/never/now", "There is no run “never” in this folder"),
        ("/runs/chosen/worlds/1", "Level 1"),
    ],
)
def test_view_of_what_is_not_there_has_a_title_and_no_barrier(look, place, title):
    reader = look(width=360)
    page = reader.open(place)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_text(re.compile("^(Reading|Fetching)"))).to_have_count(0)
    assert reader.find_barriers() == []
    # By itself a browser complains of each answer that is none.
    assert [said for said in reader.complaints if "404 (Not Found)" not in said] == []
    reader.complaints.clear()


def test_run_that_is_removed_while_it_is_watched_is_told(look, live, tmp_path):
    run = tmp_path / "gone"
    shutil.copytree(live.path.with_name("chosen"), run)
    with serving(tmp_path) as server:
        reader = look(at=server.address)
        page = reader.open("/runs/gone/learning")
        told = page.get_by_text("This run is no longer in the folder")
        expect(page.locator(".bar .pill")).to_be_visible()
        expect(told).to_have_count(0)
        shutil.rmtree(run)
        expect(told).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("Learning")
        shutil.copytree(live.path.with_name("chosen"), run)
        expect(told).to_have_count(0)
    reader.complaints.clear()  # of what was not there, and of the server's end


@pytest.mark.parametrize("width", [1280, 360])
def test_names_and_marks_of_an_evaluation_have_room_of_their_own(look, width):
    page = look(width=width).open(f"{RUN}/evaluation")
    expect(page.locator("svg.dots").first).to_be_visible()
    rooms = page.locator("svg.dots").evaluate_all(
        """(charts) => charts.map((chart) => {
            const box = (one) => one.getBoundingClientRect();
            const names = [...chart.querySelectorAll("text:not([text-anchor])")].map((one) => box(one).right);
            const dots = [...chart.querySelectorAll("circle")].map((one) => box(one).left);
            const marks = [...chart.querySelectorAll("text[text-anchor]")].map((one) => box(one).right);
            return [Math.min(...dots) - Math.max(...names), box(chart).right - Math.max(...marks)];
        })"""
    )
    assert rooms
    assert all(room >= 0 for chart in rooms for room in chart), rooms


def test_runs_are_compared_with_the_settings_that_differ(look):
    page = look().open(f"{RUN}/learning")
    page.get_by_role("group", name="Runs to compare with").get_by_role(
        "button", name="chosen"
    ).click()
    expect(page).to_have_url(re.compile("with=chosen"))
    row = page.get_by_role("row", name=re.compile("curriculum.name"))
    expect(row).to_contain_text('"poet"')
    expect(row).to_contain_text('"accel"')


def test_numbers_of_now_move_without_a_reload(look):
    page = look().open(f"{RUN}/now")
    page.evaluate("window.isTheSamePage = true")
    frames = page.locator("dt", has_text=FRAMES).locator("xpath=..").locator("dd").first
    before = frames.inner_text()
    expect(frames).not_to_have_text(before)
    assert page.evaluate("window.isTheSamePage")


def test_address_keeps_what_was_chosen(look):
    page = look().open(f"{RUN}/worlds")
    page.get_by_label("Sorted by").select_option("difficulty")
    page.get_by_label("also rejected and extinct").check()
    expect(page).to_have_url(re.compile(r"sort=difficulty.*all=1|all=1.*sort=difficulty"))
    page.reload()
    expect(page.get_by_label("Sorted by")).to_have_value("difficulty")
    expect(page.get_by_label("also rejected and extinct")).to_be_checked()
    page.goto(page.url.split("/runs")[0] + "/runs/first/no-such-view")
    expect(page.get_by_text("There is nothing at this address")).to_be_visible()


def test_episodes_move_on_canvas(browser, address):
    context = browser.new_context(
        viewport={"width": 1280, "height": 820}
    )  # whose reader likes motion
    try:
        # Worlds come and go faster here than they are filmed: look at the one whose agent went the longest way.
        told = context.request.get(f"{address}/api/v1{RUN}/episodes", params={"limit": 100})
        films = {one["world"]: one for one in reversed(told.json()["episodes"])}
        ways = {
            world: len(set(map(tuple, one["trace"]["position"]))) for world, one in films.items()
        }
        world = max(ways, key=ways.__getitem__)
        assert ways[world] > 4, ways
        page = context.new_page()
        page.goto(f"{address}{RUN}/worlds?all=1&search={world}")
        canvas = page.get_by_role("img", name=re.compile(f"^World {world}: the agent"))
        canvas.wait_for()
        # Empty at first, and filmed again while we look: a still canvas has few pictures under one label.
        seen = collections.defaultdict(set)
        until = time.monotonic() + 60  # a busy machine draws seldom
        while max(map(len, seen.values()), default=0) <= 4 and time.monotonic() < until:
            label, picture = canvas.evaluate(
                "(one) => [one.getAttribute('aria-label'), one.toDataURL()]"
            )
            seen[label].add(picture)
            page.wait_for_timeout(100)
        assert max(map(len, seen.values())) > 4, {label: len(all_) for label, all_ in seen.items()}
        assert not page.locator("img[src$='.gif']").count()
    finally:
        context.close()


def test_world_is_played_by_keyboard_beside_agent_and_oracle(look):
    page = look().open(f"{RUN}/worlds/0")
    expect(page.get_by_text(re.compile("steps at least|No path to the goal"))).to_be_visible(
        timeout=180_000
    )
    page.get_by_role("button", name="Play it yourself").click()
    game = page.get_by_role("group", name=re.compile("Your game"))
    expect(game).to_be_focused(timeout=120_000)
    expect(page.get_by_text("step 0", exact=True)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("step 2", exact=True)).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_text("step 0", exact=True)).to_be_visible()


def test_every_chart_is_exported_as_svg_and_as_all_of_its_rows_with_units(look, live, tmp_path):
    page = look().open(f"{RUN}/learning?smooth=0.9")
    charts = page.locator("section.card").filter(has=page.locator(".chart"))
    expect(charts.first).to_be_visible()
    for chart in charts.all():
        title = chart.get_by_role("heading").inner_text()
        assert chart.get_by_label(f"{title} as SVG").count() == 1, title
        assert chart.get_by_label(f"{title} as CSV").count() == 1, title

    def save(name: str):
        with page.expect_download() as download:
            page.get_by_label(name, exact=True).click()
        path = tmp_path / name
        download.value.save_as(path)
        return path.read_text()

    before = live.read("metrics.jsonl")
    assert save("Solve rate as SVG").startswith("<svg")
    head, *table = csv.reader(save("Solve rate as CSV").splitlines())
    names = ["frames [env steps]", "solve_rate [share]"]
    frames, rates = (head.index(name) for name in names)
    told = [(int(row[frames]), float(row[rates])) for row in table if row[rates]]
    logged = [(row["frames"], row["solve_rate"]) for row in before if row["solve_rate"] is not None]
    assert told[: len(logged)] == logged, "neither smoothed nor thinned"
    assert save("Where the time goes as CSV").startswith("part,time [s],share\ntraining,")
    assert save("Matrix as CSV").startswith("world,cycle,frames [env steps],solve_rate [share]")
    assert save("Matrix as SVG").startswith("<svg")

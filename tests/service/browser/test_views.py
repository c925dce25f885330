"""Every view of a real run, as a person with a browser, a keyboard or a narrow screen meets it."""

import re

import pytest
from playwright.sync_api import expect

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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_views_open_without_a_barrier_a_complaint_or_a_sideways_scroll(look, width, dark):
    reader = look(width=width, dark=dark)
    for place, title in VIEWS.items():
        page = reader.open(place)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_text(re.compile("^(Reading|Fetching)"))).to_have_count(0)
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
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("0")
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")


def test_numbers_of_now_move_without_a_reload(look):
    page = look().open(f"{RUN}/now")
    page.evaluate("window.isTheSamePage = true")
    frames = (
        page.locator("dt", has_text=re.compile("^Frames$")).locator("xpath=..").locator("dd").first
    )
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


def test_episodes_move_on_canvas(look, browser, server):
    context = browser.new_context(
        viewport={"width": 1280, "height": 820}
    )  # whose reader likes motion
    try:
        page = context.new_page()
        page.goto(f"{server.address}{RUN}/worlds")
        picture = page.locator("canvas").first
        picture.wait_for()
        seen = {page.evaluate("(canvas) => canvas.toDataURL()", picture.element_handle())}
        for _ in range(40):
            page.wait_for_timeout(100)
            seen.add(page.evaluate("(canvas) => canvas.toDataURL()", picture.element_handle()))
        assert len(seen) > 2
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


def test_charts_are_exported(look, tmp_path):
    page = look().open(f"{RUN}/learning")
    for kind, begins in {"SVG": b"<svg", "CSV": b"frames"}.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).or_(
                page.get_by_role("link", name=kind)
            ).first.click()
        path = tmp_path / kind
        download.value.save_as(path)
        assert path.read_bytes().lstrip(b"\xef\xbb\xbf").startswith((begins, b"<?xml")), (
            path.read_bytes()[:80]
        )

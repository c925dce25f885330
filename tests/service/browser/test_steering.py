"""What a person does to a run at work, from the click to the run's own record of it."""

import re

from playwright.sync_api import expect

from browser_run import serving, wait_for

STEERING = "/runs/first/steering"


def test_run_pauses_and_goes_on(look, live):
    page = look().open(STEERING)
    pause = page.get_by_role("button", name="Pause")
    expect(pause).to_be_enabled()
    pause.focus()
    page.keyboard.press("Enter")
    wait_for(lambda: live.status["state"] == "paused", "the run pauses")
    frames = live.status["frames"]
    expect(page.get_by_role("button", name="Resume")).to_be_enabled()
    expect(pause).to_be_disabled()
    expect(pause).to_be_focused()
    page.wait_for_timeout(1_500)
    assert live.status["frames"] == frames, "a paused run stands still"
    page.get_by_role("button", name="Resume").click()
    wait_for(lambda: live.status["frames"] > frames, "the run goes on")
    acts = [act["act"] for act in live.read("control.jsonl")]
    assert acts[-2:] == ["pause", "resume"]


def test_question_before_a_stop_is_answered_no_by_enter_alone(look, live):
    page = look().open(STEERING)
    stop = page.get_by_role("button", name="Stop …")
    expect(stop).to_be_enabled()
    stop.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Leave it running")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(stop).to_be_focused()
    assert "stop" not in [act["act"] for act in live.read("control.jsonl")]


def test_save_writes_a_checkpoint(look, live):
    def newest():
        return max(
            (live.path / "checkpoints").iterdir(), key=lambda path: path.stat().st_mtime_ns
        ).name

    before = newest()
    page = look().open(STEERING)
    page.get_by_role("button", name="Save").click()
    wait_for(lambda: newest() != before, "a checkpoint is written")


def test_drawn_world_is_judged_by_the_run(look, live):
    page = look().open(STEERING)
    board = page.get_by_role("application", name=re.compile("The map"))
    board.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("$")  # a coin under the cursor
    send = page.get_by_role("button", name="Put forward")
    expect(page.get_by_text("Can be solved")).to_be_visible(timeout=180_000)
    expect(send).to_be_enabled()
    page.get_by_label("Note").fill("a coin on the way")
    send.click()
    expect(page.get_by_text("Put forward. The run judges it")).to_be_visible()
    act = live.read("candidates.jsonl")[-1]
    assert act["note"] == "a coin on the way"
    assert "$" in act["level"]
    verdict = page.get_by_text(re.compile(r"a coin on the way: (accepted|too easy|too hard|\w+)"))
    expect(verdict).to_be_visible(timeout=240_000)


def test_level_that_is_none_is_told_while_it_is_drawn(look):
    page = look().open(STEERING)
    page.get_by_text("As a level file").click()
    page.get_by_label("Level file").fill("step_limit = 60\n\n....\n...G\n")
    expect(page.get_by_role("status").get_by_text(re.compile("Invalid level|agent"))).to_be_visible(
        timeout=180_000
    )
    expect(page.get_by_role("button", name="Put forward")).to_be_disabled()


def test_like_is_a_record_with_its_time_and_reason(look, live):
    page = look().open("/runs/first/worlds/0")
    page.get_by_label("Reason").fill("a good first world")
    page.get_by_role("button", name="Like", exact=True).click()
    expect(page.get_by_text("Kept. Thank you.")).to_be_visible()
    act = live.read("feedback.jsonl")[-1]
    assert (act["opinion"], act["world"], act["reason"]) == ("like", 0, "a good first world")
    assert act["time"] > 0


def test_page_catches_up_by_itself_after_its_server_was_killed(look, live):
    with serving(live.path.parent) as server:  # the others' is left alone
        _kill_and_start(server, look(at=server.address), live)


def _kill_and_start(server, reader, live):
    page = reader.open("/runs/first/now")
    expect(page.get_by_role("heading", level=1)).to_have_text("first")
    server.kill()
    try:
        expect(page.get_by_text("connection lost, trying again")).to_be_visible()
        before = live.status["frames"]
        wait_for(lambda: live.status["frames"] > before, "the run doesn't care")
    finally:
        server.start()
    expect(page.get_by_text("connection lost, trying again")).to_have_count(0, timeout=60_000)
    frames = (
        page.locator("dt", has_text=re.compile("^Frames$")).locator("xpath=..").locator("dd").first
    )
    shown = frames.inner_text()
    count = int(shown.replace(",", ""))
    wait_for(lambda: live.status["frames"] > count, "the run goes on")
    expect(frames).not_to_have_text(shown, timeout=60_000)
    # By itself a browser complains of each connection that is cut, before or in an answer, or refused; of nothing else.
    cut = re.compile(
        r"net::ERR_(CONNECTION_[A-Z]+|EMPTY_RESPONSE)|^WebSocket connection to \S+ failed"
    )
    assert [said for said in reader.complaints if not cut.search(said)] == []
    reader.complaints.clear()

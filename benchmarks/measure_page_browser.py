"""Measure the live page in Chromium: first paint, how soon an update is seen, frames while the lineage moves.

    python benchmarks/measure_page_browser.py paint seen frames

Prints a JSON line a measurement. Without a screen Chromium draws in software; a laptop with a GPU does better.

What `frames` times is what a hand meets: a tree that takes longer than 7 ms to draw is moved and stretched as a
picture while the hand moves, its words drawn afresh, and is drawn anew once the hand has rested for 160 ms. One that
takes less, as where `near` looks, is drawn anew in every frame.
"""

import contextlib
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from measure_page import ROWS, UPDATES, WORLDS, measure_asked, row, serving, write_run
from playwright.sync_api import Page, sync_playwright

PAINTS = 7
MOVES = 240  # frames of each movement
PAUSE_S = 0.2  # between two updates

_LISTEN = """
window.seen = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...all) {
    super(...all);
    this.addEventListener("message", (event) => {
      const now = () => performance.timeOrigin + performance.now();
      if (JSON.parse(event.data).type !== "rows") return;
      const one = { came: now() };
      window.seen.push(one);
      requestAnimationFrame(() => requestAnimationFrame(() => (one.shown = now())));
    });
  }
};
"""
_MOVE = """
async ({ moves }) => {
  const canvas = document.querySelector(".tree canvas");
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const [x, y] = [left + width / 2, top + height / 2];
  const all = { bubbles: true, cancelable: true, pointerId: 1 };
  const wheel = (deltaY) => canvas.dispatchEvent(new WheelEvent("wheel", { ...all, deltaY, clientX: x, clientY: y }));
  const hand = (type, far) =>
    canvas.dispatchEvent(new PointerEvent(type, { ...all, clientX: x + far, clientY: y + far / 3 }));
  const next = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const measure = async (act) => {
    const times = [];
    let before = await next();
    for (let frame = 0; frame < moves; frame += 1) {
      act(frame);
      const now = await next();
      times.push(now - before);
      before = now;
    }
    return times;
  };
  canvas.setPointerCapture = () => {}; // there is no real pointer to be captured
  const still = await measure(() => {});
  hand("pointerdown", 0);
  const pan = await measure((frame) => hand("pointermove", 160 * Math.sin(frame / 12)));
  hand("pointerup", 400);
  const zoom = await measure((frame) => wheel(frame < moves / 2 ? -30 : 30));
  wheel(-1500);
  const near = await measure((frame) => wheel(frame % 2 ? 8 : -8));
  return { still, pan, zoom, near };
}
"""


@contextlib.contextmanager
def chromium() -> Iterator[Page]:
    """A window of a browser that keeps nothing of an earlier one."""
    found = next(path for name in ("chromium", "google-chrome") if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1280, "height": 820})
        browser.close()


def measure_paint(folder: Path) -> dict[str, object]:
    """First paint and all that was fetched until then, of the page of the big run, opened anew each time."""
    write_run(folder / "big", ROWS, WORLDS)
    paints, numbers, sizes = [], [], []
    with serving(folder) as (url, _):
        for _ in range(PAINTS):
            with chromium() as page:
                page.goto(f"{url}runs/big/now")
                page.locator(".chart canvas").first.wait_for()
                told = page.evaluate(
                    """() => {
                        const kinds = ["navigation", "resource"];
                        const files = kinds.flatMap((kind) => performance.getEntriesByType(kind));
                        const code = files.filter((one) => !one.name.includes("/api/"));
                        return {
                          paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
                          numbers: performance.now(),
                          bytes: code.reduce((sum, one) => sum + one.encodedBodySize, 0),
                        };
                    }"""
                )
            paints.append(told["paint"])
            numbers.append(told["numbers"])
            sizes.append(told["bytes"])
    return {
        "measured": "paint",
        "times": PAINTS,
        "first_paint_ms": spread(paints),
        "curve_of_a_million_rows_ms": spread(numbers),
        "compressed_kb": round(max(sizes) / 1000, 1),
    }


def measure_seen(folder: Path) -> dict[str, object]:
    """Milliseconds from a row's write until the browser's socket has it, and until it is drawn."""
    write_run(folder / "run", 100, 100)
    with serving(folder) as (url, _), chromium() as page:
        page.add_init_script(_LISTEN)
        page.goto(f"{url}runs/run/now")
        page.locator(".chart canvas").first.wait_for()
        time.sleep(1)
        page.evaluate("window.seen.length = 0")
        written = []
        for number in range(UPDATES):
            time.sleep(
                PAUSE_S + 0.1 * (number % 7) / 7
            )  # in no step with the server's ten looks a second
            written.append(time.time() * 1_000)
            with (folder / "run" / "metrics.jsonl").open("a") as file:
                file.write(row(100 + number) + "\n")
        time.sleep(2)
        seen = page.evaluate("window.seen")
    assert len(seen) == UPDATES, f"{len(seen)} of {UPDATES} updates came one by one"
    came = [one["came"] - at for one, at in zip(seen, written, strict=True)]
    shown = [one["shown"] - at for one, at in zip(seen, written, strict=True)]
    return {
        "measured": "seen",
        "updates": UPDATES,
        "socket_ms": spread(came),
        "drawn_ms": spread(shown),
    }


def measure_frames(folder: Path) -> dict[str, object]:
    """Milliseconds between frames while a lineage of many worlds is moved by hand and by wheel, and while it rests."""
    write_run(folder / "big", 100, WORLDS)
    with serving(folder) as (url, _), chromium() as page:
        page.goto(f"{url}runs/big/lineage")
        page.locator(".tree canvas[data-drawn]").wait_for()
        page.wait_for_function(
            f"Number(document.querySelector('.tree canvas').dataset.drawn) >= {WORLDS}"
        )
        times = page.evaluate(_MOVE, {"moves": MOVES})
    told = {f"{name}_ms": spread(one) for name, one in times.items()}
    late = {
        f"{name}_late": round(sum(time > 25 for time in one) / len(one), 3)
        for name, one in times.items()
    }
    return {"measured": "frames", "worlds": WORLDS, "frames": MOVES, **told, **late}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and the largest."""
    ordered = sorted(values)
    at = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    middle = statistics.median(ordered)
    return {"p50": round(middle, 1), "p95": round(at, 1), "max": round(ordered[-1], 1)}


MEASURES = {"paint": measure_paint, "seen": measure_seen, "frames": measure_frames}

if __name__ == "__main__":
    measure_asked(__doc__, MEASURES)

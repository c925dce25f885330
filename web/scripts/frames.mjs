/**
 * How smooth the lineage is: time between frames while panning and zooming by the wheel over a tree of many worlds.
 * Usage: node scripts/frames.mjs [WORLDS]. Headless Chromium draws in software here: a laptop with a GPU does better.
 */
import { open, pathOf, withPage } from "./browser.mjs";

const worlds = Number(process.argv[2] ?? 10_000);
await withPage(
  async (browser, address) => {
    const { page, close } = await open(browser, { width: 1280, colorScheme: "light" });
    await page.goto(address + pathOf("/lineage"));
    await page.waitForSelector(".tree canvas[data-drawn]");
    await page.waitForTimeout(500);
    const result = await page.evaluate(async () => {
      const canvas = document.querySelector(".tree canvas");
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      const wheel = (deltaY) => canvas.dispatchEvent(new WheelEvent("wheel", { deltaY, clientX: x, clientY: y, bubbles: true, cancelable: true }));
      const drag = (type, dx) => canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, clientX: x + dx, clientY: y + dx / 3, bubbles: true }));
      canvas.setPointerCapture = () => {};
      const next = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const measure = async (act) => {
        const times = [];
        const drawn = [];
        let before = await next();
        for (let frame = 0; frame < 120; frame += 1) {
          act(frame);
          const now = await next();
          times.push(now - before);
          drawn.push(Number(canvas.dataset.drawn));
          before = now;
        }
        times.sort((a, b) => a - b);
        const at = (share) => Math.round(10 * times[Math.floor(share * (times.length - 1))]) / 10;
        return { median_ms: at(0.5), p95_ms: at(0.95), max_ms: at(1), worlds_drawn: Math.max(...drawn) };
      };
      drag("pointerdown", 0);
      const pan = await measure((frame) => drag("pointermove", 120 * Math.sin(frame / 10)));
      drag("pointerup", 400);
      const zoom = await measure((frame) => wheel(frame < 60 ? -40 : 40));
      const near = await measure((frame) => (frame ? wheel(frame % 2 ? 8 : -8) : wheel(-1_500)));
      return { pan_all: pan, zoom, near };
    });
    console.log(JSON.stringify({ worlds, ...result }, null, 1));
    await close();
  },
  { worlds, port: 7878 },
);

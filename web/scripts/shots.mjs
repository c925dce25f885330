/** Pictures of every view, wide and narrow, light and dark. Usage: node scripts/shots.mjs FOLDER [VIEW …]
 *
 * `LOOKS=1280-light` for some of these alone, `WAIT_MS` for what takes long to draw, `FOLD=1` for what is seen without scrolling. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { open, pathOf, VIEWS, withPage } from "./browser.mjs";

const [folder = "shots", ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
await withPage(async (browser, address) => {
  for (const [width, colorScheme] of [[1280, "light"], [1280, "dark"], [360, "light"], [360, "dark"]]) {
    if (process.env.LOOKS && !process.env.LOOKS.includes(`${width}-${colorScheme}`)) continue;
    const { page, complaints, close } = await open(browser, { width, colorScheme });
    for (const view of wanted.length ? wanted : VIEWS) {
      await page.goto(address + pathOf(view));
      await page.waitForTimeout(Number(process.env.WAIT_MS ?? 900));
      const name = view.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "runs";
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: !process.env.FOLD });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) console.log(`${view} at ${width}: ${overflow} pixels too wide`);
    }
    if (complaints.length) console.log(width, colorScheme, complaints);
    await close();
  }
});

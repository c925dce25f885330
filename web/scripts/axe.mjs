/** axe-core over every view, wide and narrow, light and dark; any violation or console error ends with 1. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { open, pathOf, VIEWS, withPage } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let bad = 0;
await withPage(async (browser, address) => {
  for (const [width, colorScheme] of [[1280, "light"], [1280, "dark"], [360, "light"], [360, "dark"]]) {
    if (process.env.LOOKS && !process.env.LOOKS.includes(`${width}-${colorScheme}`)) continue;
    const { page, complaints, close } = await open(browser, { width, colorScheme, reducedMotion: "reduce" });
    for (const view of [...VIEWS, "?"]) {
      await page.goto(address + pathOf(view === "?" ? "/now" : view));
      await page.waitForTimeout(700);
      if (view === "?") await page.keyboard.press("?");
      await page.evaluate(axe); // through the debugger: the page's own policy would not let it in
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, help, nodes } of violations) {
        bad += 1;
        console.log(`${view || "/"} ${width} ${colorScheme}: ${id}: ${help}`);
        for (const node of nodes.slice(0, 3)) console.log(`   ${node.target} ${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`);
      }
    }
    if (complaints.length) console.log(width, colorScheme, (bad += complaints.length) && complaints);
    await close();
  }
});
console.log(bad ? `${bad} violations` : "no violation");
process.exit(bad ? 1 : 0);

/** A browser and a mock server for the checks. `PAGE_URL` points them at a real server instead. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const VIEWS = ["", "/now", "/worlds", process.env.WORLD ?? "/worlds/12", "/lineage", "/learning?with=seed1", "/evaluation", "/safety", "/steering"];

export async function withPage(use, { worlds = 907, port = 7877 } = {}) {
  let mock = null;
  let address = process.env.PAGE_URL;
  if (!address) {
    const script = fileURLToPath(new URL("../mock/server.mjs", import.meta.url));
    mock = spawn(process.execPath, [script, "--port", String(port), "--worlds", String(worlds)], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => mock.stdout.once("data", resolve));
    address = `http://127.0.0.1:${port}`;
  }
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    await use(browser, address);
  } finally {
    await browser.close();
    mock?.kill();
  }
}

/** Where a view of the run is; the empty one is the list of runs. */
export const pathOf = (view, run = process.env.RUN ?? "seed0") => (view === "" ? "/" : `/runs/${run}${view}`);

/** Opens a page and gathers what its console complains of. */
export async function open(browser, { width, colorScheme, reducedMotion = "no-preference" }) {
  const context = await browser.newContext({ viewport: { width, height: 820 }, colorScheme, reducedMotion, bypassCSP: false });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, complaints, close: () => context.close() };
}

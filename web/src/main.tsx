import { render } from "preact";
import { live, now } from "./core/data";
import { listenToHistory } from "./core/router";
import { startTheme } from "./ui/theme";
import { App } from "./app";
import "./style/page.css";
import "./style/views.css";

startTheme();
listenToHistory();
setInterval(() => now.set(Date.now() / 1_000), 1_000);
addEventListener("online", () => live.hurry());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && live.hurry());

const page = document.getElementById("page");
if (page) {
  page.replaceChildren();
  render(<App />, page);
}

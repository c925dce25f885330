/** Light, dark, or as the system has it; kept in this browser. */
import { Cell } from "../core/cell";

export type Theme = "system" | "light" | "dark";
const KEY = "alpha-factory-theme";

export const theme = new Cell<Theme>("system");
/** What is shown now. Charts and canvases draw anew when it changes. */
export const shade = new Cell<"light" | "dark">("light");

export function startTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const shown = theme.value === "system" ? (dark.matches ? "dark" : "light") : theme.value;
    document.documentElement.dataset.theme = shown;
    shade.set(shown);
  };
  const kept = read();
  if (kept === "light" || kept === "dark") theme.set(kept);
  dark.addEventListener("change", show);
  theme.watch((chosen) => {
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // a browser that keeps nothing: the choice lasts as long as the page
    }
    show();
  });
  show();
}

export function nextTheme(): void {
  theme.set(shade.value === "dark" ? "light" : "dark");
}

/** The colour that a CSS variable stands for in the theme shown. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

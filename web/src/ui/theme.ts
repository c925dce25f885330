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
  const chosen = kept(KEY);
  if (chosen === "light" || chosen === "dark") theme.set(chosen);
  dark.addEventListener("change", show);
  theme.watch((now) => {
    keep(KEY, now);
    show();
  });
  show();
}

export function nextTheme(): void {
  theme.set(shade.value === "dark" ? "light" : "dark");
}

/** The colour that a CSS variable stands for in the theme shown. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** What this browser keeps under a name. */
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // a browser that keeps nothing: the choice lasts as long as the page
  }
}

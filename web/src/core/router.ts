/** Where the reader is, as the address says it: every view with all that is chosen in it can be shared. */
import { useEffect, useMemo } from "preact/hooks";
import { Cell, useCell } from "./cell";

export const VIEWS = ["now", "worlds", "lineage", "learning", "evaluation", "safety", "steering"] as const;
export type View = (typeof VIEWS)[number];

export type Place =
  | { view: "runs" }
  | { view: View; run: string; world?: number }
  | { view: "missing"; path: string };

/** `/runs/seed0/worlds/12` → the world's page of that run. */
export function parsePlace(path: string): Place {
  let parts: string[];
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return { view: "missing", path };
  }
  if (!parts.length || (parts.length === 1 && parts[0] === "runs")) return { view: "runs" };
  const [root, run, view = "now", world, ...rest] = parts;
  if (root !== "runs" || run === undefined || rest.length || !isView(view)) return { view: "missing", path };
  if (world === undefined) return { view, run };
  return view === "worlds" && /^\d{1,10}$/.test(world) ? { view, run, world: Number(world) } : { view: "missing", path };
}

export function formatPlace(run: string, view: View = "now", world?: number): string {
  const path = `/runs/${encodeURIComponent(run)}/${view}`;
  return world === undefined ? path : `${path}/${world}`;
}

const isView = (name: string): name is View => (VIEWS as readonly string[]).includes(name);

const address = new Cell("");

export function listenToHistory(): void {
  const read = () => address.set(location.pathname + location.search);
  read();
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const href = link.getAttribute("href") ?? "";
    if (link.target || link.hasAttribute("download") || !href.startsWith("/") || href.startsWith("/api")) return;
    event.preventDefault();
    go(href);
  });
}

export function go(href: string, options: { isReplaced?: boolean } = {}): void {
  if (href === address.value) return;
  try {
    if (options.isReplaced) history.replaceState(null, "", href);
    else history.pushState(null, "", href);
  } catch {
    // Safari refuses more than 100 in half a minute: the view follows all the same, the address with the next one
  }
  if (!options.isReplaced) scrollTo(0, 0);
  address.set(href);
}

export function usePlace(): Place {
  const href = useCell(address);
  const path = href.split("?")[0] ?? "/";
  return useMemo(() => parsePlace(path), [path]);
}

/** What is chosen in a view: read from the address, written back to it; a default leaves no trace there. */
export function useChoice(name: string, fallback: string): [string, (value: string) => void] {
  const href = useCell(address);
  const value = new URLSearchParams(href.split("?")[1] ?? "").get(name) ?? fallback;
  return [value, (chosen) => choose({ [name]: chosen === fallback ? null : chosen })];
}

/** Change parts of the query; null takes one out. */
export function choose(changes: Record<string, string | null>): void {
  const [path = "", before = ""] = address.value.split("?");
  const query = new URLSearchParams(before);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(path + (text ? `?${text}` : ""), { isReplaced: true });
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Alpha-Factory`;
  }, [title]);
}

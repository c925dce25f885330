/** What keys do anywhere on the page, and the dialog that says so. */
import { useEffect, useRef } from "preact/hooks";
import { Cell, useCell } from "../core/cell";
import { formatPlace, go, VIEWS } from "../core/router";
import { Dialog, Toggle } from "./parts";
import { keep, kept, nextTheme } from "./theme";

export const isHelpOpen = new Cell(false);

const KEY = "alpha-factory-keys";
/** Whether single letters do anything outside what has the focus; off for who speaks to the computer. Kept in this browser. */
const hasKeys = new Cell(kept(KEY) !== "off");

const HELP: { title: string; keys: [string[], string][] }[] = [
  {
    title: "Anywhere",
    keys: [
      [["1", "–", "7"], "the views, in the order of the menu"],
      [["0"], "all runs"],
      [["/"], "search, where there is something to search"],
      [["Space"], "play or rest, where something moves"],
      [["t"], "light or dark colours"],
      [["?"], "this help"],
      [["Esc"], "close this; leave a search, a game or the editor's map"],
    ],
  },
  {
    title: "In a game",
    keys: [
      [["←", "→", "↑"], "turn left, turn right, go forward; a, d and w do the same"],
      [["r"], "start again"],
    ],
  },
  {
    title: "In a chart",
    keys: [
      [["←", "→"], "read the points one by one; with Shift, in tenths; Home and End, the first and the last"],
      [["+", "−", "f"], "under Learning: closer, further, all of it"],
    ],
  },
  {
    title: "In the lineage",
    keys: [
      [["←", "→", "↑", "↓"], "move"],
      [["+", "−", "f"], "nearer, further, all of it"],
    ],
  },
  {
    title: "In the editor's map",
    keys: [
      [["←", "→", "↑", "↓"], "move the cursor"],
      [["Space"], "draw what is chosen"],
      [["#", "~", "…"], "draw the tile of that symbol"],
    ],
  },
];

export function useShortcuts(run: string | null): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (hasKeys.value && !isTaken(event) && act(event.key, run)) event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [run]);
}

/** Whether the key means something. */
function act(key: string, run: string | null): boolean {
  const view = VIEWS[Number(key) - 1];
  const field = key === "/" ? document.querySelector<HTMLInputElement>("input[type=search]") : null;
  if (key === "?") isHelpOpen.set(true);
  else if (key === "t") nextTheme();
  else if (key === "0") go("/");
  else if (view && run !== null) go(formatPlace(run, view));
  else if (field) field.focus();
  else return false;
  return true;
}

/** Calls `toggle` when Space is pressed, which then does not scroll, unless the key belongs to what has the focus. */
export function usePlayKey(toggle: () => void): void {
  const latest = useRef(toggle);
  latest.current = toggle;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const own = "button, summary, select, input[type=checkbox], input[type=radio]";
      if (event.key !== " " || event.repeat || isTaken(event)) return;
      if (event.target instanceof Element && event.target.closest(own)) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

/** Whether a key is none of the page's: a field, a game or the editor has the focus, a dialog is open, or it was used already. */
function isTaken(event: KeyboardEvent): boolean {
  const { target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector("dialog[open]")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("input[type=search]") && event.key === "Escape") target.blur();
  return target.matches("input:not([type=checkbox], [type=range], [type=radio]), textarea, select, [data-keys]") || target.isContentEditable;
}

export function HelpDialog() {
  const close = () => isHelpOpen.set(false);
  const isOn = useCell(hasKeys);
  return (
    <Dialog title="Keyboard" onClose={close}>
      {HELP.map(({ title, keys }) => (
        <section key={title}>
          <h3>{title}</h3>
          <dl>
            {keys.map(([names, words]) => (
              <div key={words}>
                <dt>{names.map((name) => (name === "–" || name === "…" ? ` ${name} ` : <kbd key={name}>{name}</kbd>))}</dt>
                <dd>{words}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <Toggle
        label="single keys work anywhere; off: only where they belong"
        isOn={isOn}
        onChange={(on) => {
          hasKeys.set(on);
          keep(KEY, on ? "on" : "off");
        }}
      />
      <p class="soft small">Drag over a chart to look closer, double-click to see all. The address always says what you see: share it.</p>
      <div class="row">
        <button class="button main" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

/** What keys do anywhere on the page, and the dialog that says so. */
import { useEffect } from "preact/hooks";
import { Cell } from "../core/cell";
import { formatPlace, go, VIEWS } from "../core/router";
import { Dialog } from "./parts";
import { nextTheme } from "./theme";

export const isHelpOpen = new Cell(false);

const HELP: [string[], string][] = [
  [["1", "–", "7"], "the views, in the order of the menu"],
  [["0"], "all runs"],
  [["/"], "search, where there is something to search"],
  [["t"], "light or dark colours"],
  [["Space"], "play or rest, where something moves"],
  [["?"], "this help"],
  [["Esc"], "close; leave a game"],
  [["←", "→", "↑"], "in a game: turn left, turn right, go forward"],
  [["r"], "in a game: start again"],
  [["←", "→", "↑", "↓"], "in the lineage: move; in the editor: move the cursor"],
  [["+", "−", "f"], "in the lineage: nearer, further, all of it"],
];

export function useShortcuts(run: string | null): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const view = VIEWS[Number(event.key) - 1];
      if (event.key === "?") isHelpOpen.set(true);
      else if (event.key === "t") nextTheme();
      else if (event.key === "0") go("/");
      else if (view && run !== null) go(formatPlace(run, view));
      else if (event.key === "/") {
        const field = document.querySelector<HTMLInputElement>("input[type=search]");
        if (!field) return;
        field.focus();
      } else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [run]);
}

/** Whether a key belongs to what has the focus: a field, a game, the lineage, the editor. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.matches("input:not([type=checkbox], [type=range], [type=radio]), textarea, select, [data-keys]") || target.isContentEditable;
}

export function HelpDialog() {
  const close = () => isHelpOpen.set(false);
  return (
    <Dialog title="Keyboard" onClose={close}>
      <dl>
        {HELP.map(([keys, words]) => (
          <>
            <dt key={words}>
              {keys.map((key) => (key === "–" ? " – " : <kbd key={key}>{key}</kbd>))}
            </dt>
            <dd>{words}</dd>
          </>
        ))}
      </dl>
      <p class="soft small">Drag over a chart to look closer, double-click to see all. The address always says what you see: share it.</p>
      <div class="row">
        <button class="button main" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

/** A level's file as an editor needs it: its settings by name, its rules, its map. Read, changed, written. Pure. */

import type { Drawing } from "../api/types";

export interface Draft {
  settings: Record<string, string>;
  rules: string[];
  rows: string[];
}

export const AGENTS = ">v<^";
const SETTING = /^\s*(\w[\w\s-]*)=(.*)$/;

/** Whatever the file says, valid or not: the server judges that. */
export function readDraft(text: string): Draft {
  const draft: Draft = { settings: {}, rules: [], rows: [] };
  let isHead = true;
  for (const line of text.replace(/\r/g, "").split("\n")) {
    const found = isHead ? SETTING.exec(line) : null;
    if (found) {
      const [name, value] = [(found[1] ?? "").trim(), (found[2] ?? "").trim()];
      if (name === "rule") draft.rules.push(value);
      else draft.settings[name] = value;
    } else if (line.trim()) {
      isHead = false;
      draft.rows.push(line);
    } else if (!isHead) break;
  }
  return draft;
}

export function writeDraft(draft: Draft): string {
  const head = [
    ...Object.entries(draft.settings).flatMap(([name, value]) => (value === "" ? [] : [`${name} = ${value}`])),
    ...draft.rules.filter((rule) => rule.trim()).map((rule) => `rule = ${rule.trim()}`),
  ];
  return `${[...head, ...(head.length ? [""] : []), ...draft.rows].join("\n")}\n`;
}

export const widthOf = (draft: Draft): number => Math.max(1, ...draft.rows.map((row) => row.length));

/** The draft with a symbol in a cell. There is one agent and one goal: the one before goes. */
export function put(draft: Draft, row: number, column: number, symbol: string): Draft {
  const isOnly = (one: string) => (AGENTS.includes(symbol) ? AGENTS.includes(one) : symbol === "G" && one === "G");
  const rows = draft.rows.map((line, at) =>
    [...line].map((one, place) => (at === row && place === column ? symbol : isOnly(one) ? "." : one)).join(""),
  );
  return { ...draft, rows };
}

/** Cut or filled up with floor to a size. */
export function resize(draft: Draft, height: number, width: number): Draft {
  const rows = Array.from({ length: height }, (_, at) => (draft.rows[at] ?? "").slice(0, width).padEnd(width, "."));
  return { ...draft, rows };
}

/** The file of a level that is a plain maze: one that has no opponent, and no physics or rule of its own. */
export function levelOf(maze: Drawing): string {
  const [row, column] = maze.start;
  const draft: Draft = { settings: { step_limit: String(maze.step_limit) }, rules: [], rows: maze.tiles };
  return writeDraft(put(draft, row, column, AGENTS[maze.heading] ?? ">"));
}

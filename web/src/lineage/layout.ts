/**
 * Where each world stands in the tree: time runs to the right, a family keeps together from top to bottom.
 * A life has its row to itself: of the children that were born once it had ended, the one with most descendants goes on in
 * it; the others get rows below. Pure.
 */
import type { LineageAnswer, LineageColumns } from "../api/types";

export interface Tree {
  /** Worlds that are shown, by row and then by cycle, as places in the columns. */
  order: Int32Array;
  /** Row of each world; -1 where it is hidden in a family that is folded up. */
  row: Int32Array;
  rows: number;
  /** Where each row begins in `order`; one more than there are rows. */
  starts: Int32Array;
  /** Place of each world's first parent in the columns, or -1. */
  parent: Int32Array;
  /** Descendants of each world. */
  descendants: Int32Array;
  /** Last cycle that anything is known of. */
  last: number;
  /** Place in the columns by id. */
  place: Map<number, number>;
}

export function layOut(columns: LineageColumns, folded: ReadonlySet<number>): Tree {
  const size = columns.id.length;
  const place = new Map(columns.id.map((id, at) => [id, at]));
  const parent = Int32Array.from(columns.parent, (id) => place.get(id) ?? -1);
  const { children, roots } = readChildren(parent);
  const descendants = countDescendants(parent);
  const row = new Int32Array(size).fill(-1);
  let rows = 0;
  // Depth first without recursion: a lineage can be thousands of generations deep.
  const stack: [number, number][] = [];
  for (const root of roots) {
    stack.push([root, -1]);
    while (stack.length) {
      const [world, given] = stack.pop() as [number, number];
      row[world] = given >= 0 ? given : rows++;
      if (folded.has(columns.id[world] as number)) continue;
      const young = (children[world] ?? []).sort((a, b) => (descendants[a] as number) - (descendants[b] as number));
      const end = columns.left[world] as number;
      const heir = young.findLast((child) => end >= 0 && (columns.cycle[child] as number) >= end);
      for (const child of young) if (child !== heir) stack.push([child, -1]);
      if (heir !== undefined) stack.push([heir, row[world] as number]); // on top: it is placed before the others
    }
  }
  const order = Int32Array.from([...row.keys()].filter((at) => (row[at] as number) >= 0)).sort(
    (a, b) => (row[a] as number) - (row[b] as number) || (columns.cycle[a] as number) - (columns.cycle[b] as number),
  );
  const starts = new Int32Array(rows + 1);
  for (const world of order) starts[(row[world] as number) + 1] = (starts[(row[world] as number) + 1] as number) + 1;
  for (let at = 1; at <= rows; at += 1) starts[at] = (starts[at] as number) + (starts[at - 1] as number);
  const last = columns.cycle.reduce((most, cycle, at) => Math.max(most, cycle, columns.left[at] ?? 0), 0);
  return { order, row, rows, starts, parent, descendants, last, place };
}

function readChildren(parent: Int32Array): { children: (number[] | undefined)[]; roots: number[] } {
  const children: (number[] | undefined)[] = new Array(parent.length);
  const roots: number[] = [];
  parent.forEach((above, at) => {
    if (above < 0 || above === at) roots.push(at);
    else (children[above] ??= []).push(at);
  });
  return { children, roots };
}

/** Parents come before their children in the columns, so one pass from the end is enough. */
function countDescendants(parent: Int32Array): Int32Array {
  const descendants = new Int32Array(parent.length);
  for (let at = parent.length - 1; at >= 0; at -= 1) {
    const above = parent[at] as number;
    if (above >= 0 && above < at) descendants[above] = (descendants[above] as number) + (descendants[at] as number) + 1;
  }
  return descendants;
}

/** Worlds whose number or operator fits. */
export function findWorlds(answer: LineageAnswer, text: string): number[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const fitting = new Set(answer.operators.flatMap((name, at) => (name.toLowerCase().includes(wanted) ? [at] : [])));
  return answer.columns.id.filter((id, at) => String(id) === wanted || fitting.has(answer.columns.operator[at] as number));
}

/** All of a lineage: page after page from the cursors, until an answer says that there is no more; each sum is shown as it grows. */
export async function readAll(ask: (after: string | null) => Promise<LineageAnswer>, show: (answer: LineageAnswer) => void): Promise<void> {
  let whole = await ask(null);
  show(whole);
  while (whole.is_more) {
    const next = await ask(whole.cursor);
    whole = next.reset ? next : joinLineage(whole, next);
    show(whole);
  }
}

/** An older answer with the worlds of a newer one; codes of operators and verdicts become those of the older. */
export function joinLineage(older: LineageAnswer, newer: LineageAnswer): LineageAnswer {
  const known = new Set(older.columns.id);
  const fresh = newer.columns.id.map((_, at) => at).filter((at) => !known.has(newer.columns.id[at] as number));
  const operators = joinNames(older.operators, newer.operators);
  const verdicts = joinNames(older.verdicts, newer.verdicts);
  const columns = { ...older.columns } as Record<string, unknown>;
  for (const [name, column] of Object.entries(newer.columns) as [keyof LineageColumns, (number | null)[]][]) {
    const codes = name === "operator" ? operators.codes : name === "verdict" ? verdicts.codes : null;
    columns[name] = [...older.columns[name], ...fresh.map((at) => (codes ? codes[column[at] as number] : column[at]))];
  }
  const joined = columns as unknown as LineageColumns;
  const gone = new Map(newer.retired.world.map((id, at) => [id, newer.retired.cycle[at] as number]));
  joined.left = joined.left.map((left, at) => gone.get(joined.id[at] as number) ?? left);
  // An increment has only what is new of these; an act of the past comes once.
  const retired = { world: [...older.retired.world, ...newer.retired.world], cycle: [...older.retired.cycle, ...newer.retired.cycle] };
  const [transfers, takeovers] = [joinTrials(older.transfers, newer.transfers), joinTrials(older.takeovers, newer.takeovers)];
  return { ...newer, columns: joined, operators: operators.names, verdicts: verdicts.names, retired, transfers, takeovers };
}

/** Columns of what was tried in cycles on specialists, one of each pair of these. */
function joinTrials<T extends { cycle: number[]; specialist: number[] }>(older: T, newer: T): T {
  const name = (trials: T, at: number) => `${trials.cycle[at]} ${trials.specialist[at]}`;
  const known = new Set(older.cycle.map((_, at) => name(older, at)));
  const isNew = newer.cycle.map((_, at) => !known.has(name(newer, at)));
  const columns = Object.entries(newer).map(([column, values]) => [column, [...(older as unknown as Record<string, unknown[]>)[column]!, ...(values as unknown[]).filter((_, at) => isNew[at])]]);
  return Object.fromEntries(columns) as T;
}

/** Without the worlds that were rejected, which increments hold, too. */
export function keepAccepted(answer: LineageAnswer): LineageAnswer {
  const places = answer.columns.verdict.map((_, at) => at).filter((at) => answer.verdicts[answer.columns.verdict[at] as number] === "accepted");
  const columns = Object.fromEntries(
    Object.entries(answer.columns).map(([name, column]) => [name, places.map((at) => (column as unknown[])[at])]),
  ) as unknown as LineageColumns;
  return { ...answer, columns };
}

function joinNames(older: string[], newer: string[]): { names: string[]; codes: number[] } {
  const names = [...older];
  const codes = newer.map((name) => {
    const at = names.indexOf(name);
    return at >= 0 ? at : names.push(name) - 1;
  });
  return { names, codes };
}

/** Columns of numbers: joined, smoothed, thinned. Pure. */
import type { Columns, Maybe } from "../api/types";

export type Column = Maybe<number>[];

/** Rows of `later` that lie beyond the last of `earlier` by column `by`; columns that only one has are filled with null. */
export function append(earlier: Columns, later: Columns, by = "frames"): Columns {
  const last = earlier[by]?.at(-1) ?? -Infinity;
  const places = (later[by] ?? []).map((value, at) => (value !== null && value > last ? at : -1)).filter((at) => at >= 0);
  if (!places.length) return earlier;
  const size = earlier[by]?.length ?? 0;
  const joined: Columns = {};
  for (const name of new Set([...Object.keys(earlier), ...Object.keys(later)])) {
    const before = earlier[name] ?? new Array<null>(size).fill(null);
    const after = later[name];
    joined[name] = [...before, ...places.map((at) => after?.[at] ?? null)];
  }
  return joined;
}

/**
 * An exponential mean that forgets the share `1 - weight` a point, started without bias: its first value is the first point.
 * Gaps stay gaps and don't count.
 */
export function smooth(values: Column, weight: number): Column {
  if (weight <= 0) return values;
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}

/** Every so manieth row, the last one always. */
export function thin(columns: Columns, most: number): Columns {
  const size = Math.max(0, ...Object.values(columns).map((column) => column.length));
  if (size <= most) return columns;
  const places = Array.from({ length: most }, (_, at) => Math.round((at * (size - 1)) / (most - 1)));
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, places.map((at) => column[at] ?? null)]));
}

/** What a logarithmic axis can show: numbers above 0. */
export const positive = (values: Column): Column => values.map((value) => (value !== null && value > 0 ? value : null));

export interface TimeShares {
  training: number;
  rest: number;
  compiling: number;
}

/** Seconds by what they went into, since the run began or, of a part of it, since the first row. A row's rate holds for the frames since the row before it. */
export function splitTime(columns: Columns, isPart = false): Maybe<TimeShares> {
  const frames = columns.frames ?? [];
  const last = frames.length - 1;
  const end = columns.wall_s?.[last];
  if (last < 0 || end === null || end === undefined) return null;
  const before = (name: string) => (isPart ? (columns[name]?.[0] ?? 0) : 0);
  const wall = end - before("wall_s");
  let training = 0;
  frames.forEach((now, at) => {
    const rate = columns.frames_per_s?.[at];
    if (now !== null && rate && (at || !isPart)) training += (now - (frames[at - 1] ?? 0)) / rate;
  });
  training = Math.min(training, wall);
  return { training, rest: wall - training, compiling: (columns.compile_s?.[last] ?? 0) - before("compile_s") };
}

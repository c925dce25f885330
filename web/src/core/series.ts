/** Columns of numbers: joined, smoothed, thinned. Pure. */
import type { Columns, Maybe } from "../api/types";

export type Column = Maybe<number>[];

/** Rows of `later` that lie beyond the last of `earlier` by column `by`; columns that only one has are filled with null. */
export function append(earlier: Columns, later: Columns, by = "frames"): Columns {
  const places = placesBeyond(earlier, later, by);
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

/** Rows of `later` that lie beyond the last of `earlier` by column `by`. */
export function beyond(earlier: Columns, later: Columns, by = "frames"): Columns {
  const places = placesBeyond(earlier, later, by);
  return Object.fromEntries(Object.entries(later).map(([name, column]) => [name, places.map((at) => column[at] ?? null)]));
}

function placesBeyond(earlier: Columns, later: Columns, by: string): number[] {
  const last = earlier[by]?.at(-1) ?? -Infinity;
  return (later[by] ?? []).flatMap((value, at) => (value !== null && value > last ? [at] : []));
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
  /** Null where the run doesn't say, as runs of an earlier version don't. */
  training: Maybe<number>;
  /** At work and not training; all that is at work where training is not known. */
  rest: number;
  compiling: number;
}

/** Seconds by what they went into, since the run began or, of a part of it, since the first row. */
export function splitTime(columns: Columns, isPart = false): Maybe<TimeShares> {
  const spent = (name: string): Maybe<number> => {
    const end = columns[name]?.at(-1) ?? null;
    return end === null ? null : end - (isPart ? (columns[name]?.[0] ?? 0) : 0);
  };
  const [wall, training] = [spent("wall_s"), spent("train_s")];
  if (wall === null) return null;
  return { training, rest: Math.max(0, wall - (training ?? 0)), compiling: spent("compile_s") ?? 0 };
}

/** What keys do to a chart: the next point to read, the next range to show. Pure. */

/** Place of the point that a key goes to from `at`; null where the key goes to none. */
export function readNext(key: string, at: number | null, size: number, isFast: boolean): number | null {
  const last = size - 1;
  const from = at ?? last;
  const step = isFast ? Math.max(1, Math.round(size / 10)) : 1;
  const places: Record<string, number> = { ArrowLeft: from - step, ArrowRight: from + step, Home: 0, End: last };
  const next = places[key];
  return next === undefined || size < 1 ? null : Math.min(Math.max(next, 0), last);
}

export interface Range {
  /** Null at the beginning, and at what the end is by then. */
  from: number | null;
  to: number | null;
}

/** Half as much about a place, twice as much (of all that there is up to `end`), or all; null where the key means none of these. */
export function zoomNext(key: string, shown: [first: number, last: number], about: number, end: number): Range | null {
  const [first, last] = shown;
  if (key === "f") return { from: null, to: null };
  if (key !== "+" && key !== "=" && key !== "-") return null;
  const factor = key === "-" ? 2 : 0.5;
  const [low, high] = [Math.floor(about - (about - first) * factor), Math.ceil(about + (last - about) * factor)];
  return { from: low <= 0 ? null : low, to: high >= end ? null : high };
}

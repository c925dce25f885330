/** What a run remembers: its looks at a panel of worlds, and which of these it has forgotten. Pure. */
import type { Maybe, Retention } from "../api/types";
import { escape, toCsv } from "./export";
import { percent, short } from "./format";

export interface Remembered {
  /** The world's column in the looks. */
  at: number;
  world: number;
  best: Maybe<number>;
  /** The look at which it was best. */
  bestLook: number;
  last: Maybe<number>;
  isForgotten: boolean;
}

/** A world counts as forgotten that was once solved in half its episodes or more, and at the last look in less than half as many. */
const ONCE = 0.5;
const KEPT = 0.5;

/** One a world, those that lost most since their best look first. */
export function rankMemory(data: Retention): Remembered[] {
  const all = data.world.map((world, at) => {
    const looks = data.solved.map((row) => row[at] ?? null);
    const best = looks.reduce<Maybe<number>>((most, one) => (one !== null && (most === null || one > most) ? one : most), null);
    const last = looks.findLast((one) => one !== null) ?? null;
    const isForgotten = best !== null && last !== null && best >= ONCE && last < KEPT * best;
    return { at, world, best, bestLook: looks.indexOf(best), last, isForgotten };
  });
  const lost = (one: Remembered) => (one.best ?? 0) - (one.last ?? 0);
  return all.sort((a, b) => Number(b.isForgotten) - Number(a.isForgotten) || lost(b) - lost(a) || a.world - b.world);
}

/** Every look at every world: nothing is sorted or left out. */
export function memoryCsv(data: Retention): string {
  const rows = data.solved.flatMap((row, look) =>
    row.flatMap((value, at) => (value === null ? [] : [[data.world[at], data.cycle[look], data.frames[look], value, data.untrained[at] ?? null, data.left[at] ?? null]])),
  );
  const header = ["world", "cycle", "frames [env steps]", "solve_rate [share]", "untrained [share]", "left the pool [cycle]"];
  return toCsv(header, header.map((_, column) => rows.map((row) => row[column] ?? null)));
}

export function memorySvg(data: Retention, ranked: Remembered[], tone: (share: number) => string): string {
  const [side, left, top, right] = [14, 76, 34, 96];
  const cells = ranked.flatMap((one, row) =>
    data.solved.flatMap((look, at) => {
      const value = look[one.at] ?? null;
      return value === null ? [] : [`<rect x="${left + at * side}" y="${top + row * side}" width="${side}" height="${side - 1}" fill="${tone(value)}"/>`];
    }),
  );
  const end = left + data.frames.length * side;
  const names = ranked.map((one, row) => {
    const y = top + row * side + 11;
    const told = one.isForgotten ? `<text x="${end + 6}" y="${y}" font-weight="bold">forgotten</text>` : "";
    return `<text x="${left - 6}" y="${y}" text-anchor="end">${escape(`world ${one.world}`)}</text>${told}`;
  });
  const [width, height] = [end + right, top + ranked.length * side + 12];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11" fill="#23272F">
<rect width="${width}" height="${height}" fill="#FFFFFF"/><text x="6" y="18" font-weight="bold">Solve rate, ${short(data.frames[0])} to ${short(data.frames.at(-1))} frames; dark ${percent(0)}, light ${percent(1)}</text>
${cells.join("\n")}
${names.join("\n")}
</svg>
`;
}

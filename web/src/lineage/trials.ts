/** Policies that were tried in another's place, as marks of the tree and as tables. Pure. */
import type { LineageAnswer } from "../api/types";
import { toCsv } from "../core/export";
import type { Tree } from "./layout";

export interface Mark {
  kind: "transfer" | "takeover";
  cycle: number;
  /** Of the specialist's own world. */
  row: number;
  /** Of the world that was helped, or of the world whose specialist took over; null where there is none, or not now. */
  other: number | null;
  isTaken: boolean;
}

/** Corners of a mark around its middle: a diamond for a transfer to the generalist, a triangle for a takeover of a specialist. */
export const CORNERS: Record<Mark["kind"], [number, number][]> = {
  transfer: [[0, -1], [1, 0], [0, 1], [-1, 0]],
  takeover: [[-1, -0.8], [1, -0.8], [0, 1]],
};

/** What was tried by a cycle on specialists whose worlds are in sight. */
export function marksOf(answer: LineageAnswer, tree: Tree, until: number): Mark[] {
  const rowOf = (id: number | undefined): number | null => {
    const row = tree.row[tree.place.get(id ?? -1) ?? -1];
    return row === undefined || row < 0 ? null : row;
  };
  const { transfers, takeovers } = answer;
  const tried = (kind: Mark["kind"], cycles: number[], own: number[], other: number[], isTaken: boolean[]): Mark[] =>
    cycles.flatMap((cycle, at) => {
      const row = rowOf(own[at]);
      return row === null || cycle > until ? [] : [{ kind, cycle, row, other: rowOf(other[at]), isTaken: isTaken[at] as boolean }];
    });
  return [
    ...tried("transfer", transfers.cycle, transfers.specialist, transfers.helped, transfers.merged),
    ...tried("takeover", takeovers.cycle, takeovers.specialist, takeovers.source, takeovers.taken),
  ];
}

const worldOrNone = (world: number) => (world < 0 ? null : world);

/** Every specialist that was tried for the generalist; the world is missing where none was helped. */
export function transfersCsv(answer: LineageAnswer): string {
  const { cycle, specialist, helped, gain, merged } = answer.transfers;
  return toCsv(["cycle", "specialist of world", "world helped most", "gain [normalised return]", "merged"], [cycle, specialist, helped.map(worldOrNone), gain, merged.map(Number)]);
}

/** Every policy that was tried in a specialist's place; the source is missing where it was the generalist's. */
export function takeoversCsv(answer: LineageAnswer): string {
  const { cycle, specialist, source, gain, taken } = answer.takeovers;
  return toCsv(["cycle", "specialist of world", "policy of the specialist of world", "gain [normalised return]", "taken"], [cycle, specialist, source.map(worldOrNone), gain, taken.map(Number)]);
}

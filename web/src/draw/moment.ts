/** Where everything of an episode is at a moment between two steps. Pure. */
import type { Drawing, Trace } from "../api/types";

export interface Pose {
  row: number;
  column: number;
  /** Quarters clockwise from facing right, not cut to 0..4 while turning. */
  heading: number;
}

export interface Moment {
  tiles: string[];
  agent: Pose;
  hasKey: boolean;
  isOpen: boolean;
  opponents: (Pose & { kind: string })[];
}

/** The moment `time` of an episode, in steps from its start; without a trace, the start. */
export function momentAt(drawing: Drawing, trace: Trace | null, time: number): Moment {
  const last = trace ? trace.position.length - 1 : 0;
  const at = Math.min(Math.max(time, 0), last);
  const [from, to] = [Math.floor(at), Math.min(Math.floor(at) + 1, last)];
  const share = ease(at - from);
  return {
    tiles: tilesAt(drawing, trace, Math.round(at)),
    agent: between(agentAt(drawing, trace, from), agentAt(drawing, trace, to), share),
    hasKey: isOn(trace?.has_key, at),
    isOpen: isOn(trace?.is_open, at),
    opponents: drawing.opponents.map(({ kind, at: place, heading }, slot) => {
      const pose = (moment: number): Pose => {
        const [row, column, faced] = trace?.opponents[slot]?.[moment] ?? [place[0], place[1], heading];
        return { row, column, heading: faced };
      };
      return { kind, ...between(pose(from), pose(to), share) };
    }),
  };
}

/** The map at a moment: what changed up to then is drawn into it. */
export function tilesAt(drawing: Drawing, trace: Trace | null, moment: number): string[] {
  const changes = (trace?.changes ?? []).filter(([when]) => when <= moment);
  if (!changes.length) return drawing.tiles;
  const rows = drawing.tiles.map((row) => [...row]);
  for (const [, row, column, symbol] of changes) {
    const line = rows[row];
    if (line && column < line.length) line[column] = symbol;
  }
  return rows.map((row) => row.join(""));
}

/** Whether a thing that is off at first is on at a moment, by the moments at which it changes. */
export const isOn = (switches: number[] | undefined, moment: number): boolean =>
  (switches ?? []).filter((when) => when <= moment).length % 2 === 1;

/** Reward of the steps before a moment. */
export const totalAt = (trace: Trace, moment: number): number =>
  trace.reward.slice(0, Math.max(0, Math.floor(moment))).reduce((sum, one) => sum + one, 0);

function agentAt(drawing: Drawing, trace: Trace | null, moment: number): Pose {
  const [row, column] = trace?.position[moment] ?? drawing.start;
  const [down, across] = trace?.offset?.[moment] ?? [0, 0];
  return { row: row + down / 16, column: column + across / 16, heading: trace?.heading[moment] ?? drawing.heading };
}

function between(from: Pose, to: Pose, share: number): Pose {
  const isJump = Math.abs(from.row - to.row) + Math.abs(from.column - to.column) > 2.1; // a teleporter
  const turn = ((((to.heading - from.heading) % 4) + 6) % 4) - 2; // the short way round
  if (isJump) return share < 0.5 ? from : to;
  return {
    row: from.row + share * (to.row - from.row),
    column: from.column + share * (to.column - from.column),
    heading: from.heading + share * turn,
  };
}

const ease = (share: number): number => share * share * (3 - 2 * share);

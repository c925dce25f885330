/** What can be done with a run as it stands. Pure. */
import type { Summary } from "../api/types";

/** Of a level that a method chose: 4010007 → Level 3d3017. */
export const nameOf = (level: number): string => `Level ${level.toString(16)}`;

/** Seconds that it has been doing what it does; null where nobody knows. */
export const ageOf = (run: Summary, now: number): number | null => (run.since === null ? run.state_age_s : Math.max(0, now - run.since));

/** Whether somebody's world can still enter its pool: now, or once it is resumed. */
export const takesWorlds = (run: Summary): boolean =>
  run.has_pool && (run.is_live || ["stopped", "crashed", "silent", "unknown"].includes(run.state));

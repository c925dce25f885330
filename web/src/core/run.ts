/** What can be done with a run as it stands. Pure. */
import type { Summary } from "../api/types";

/** Whether somebody's world can still enter its pool: now, or once it is resumed. */
export const takesWorlds = (run: Summary): boolean =>
  run.has_pool && (run.is_live || ["stopped", "crashed", "silent", "unknown"].includes(run.state));

/** Which changes concern a tree of children: what is shown of the runs in it, and runs that are new below them. */

import type { Changes } from "../../api";

/** Kinds of change that a row shows: status and times, its name; how many children it has. */
const SHOWN = ["status", "facts", "children"];

/**
 * Whether the tree has to be asked for again.
 *
 * @param shown ids of the run itself and of all rows in sight; a new child is told of its parent.
 * @param withMetrics whether values of metrics stand in the rows.
 */
export function concerns(changes: Changes, shown: ReadonlySet<string>, withMetrics: boolean): boolean {
  if (changes.reset) return true;
  return Object.entries(changes.runs).some(
    ([run_id, kinds]) =>
      shown.has(run_id) && kinds.some((kind) => SHOWN.includes(kind) || (withMetrics && kind === "points")),
  );
}

/** Which metrics the view shows before anybody chose: those that most of the newest runs have. Pure. */

import type { FoundRun } from "../../api";
import { labelOf } from "../../runs/refs";

const HEADLINE = /loss|acc|error|auc|f1|score|reward|rmse|mae|perplexity/i;

/** Refs, the commonest first; among equals what is usually looked at first, then short names. None that no run has. */
export function commonest(runs: readonly FoundRun[], refs: readonly string[]): readonly string[] {
  const had = new Map(refs.map((ref) => [ref, runs.filter((run) => (run.values[ref] ?? null) !== null).length]));
  const rank = (ref: string) => [-(had.get(ref) ?? 0), HEADLINE.test(ref) ? 0 : 1, labelOf(ref).length] as const;
  return refs
    .filter((ref) => runs.length === 0 || (had.get(ref) ?? 0) > 0)
    .sort((a, b) => {
      const [x, y] = [rank(a), rank(b)];
      return x[0] - y[0] || x[1] - y[1] || x[2] - y[2] || a.localeCompare(b);
    });
}

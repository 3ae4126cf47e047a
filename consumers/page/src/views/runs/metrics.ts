/** The metrics that the newest of some runs have, the commonest first: for a view's own choice of columns and charts. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ahead, below, searchColumns, searchRuns } from "../../api";
import { commonest } from "./choosing";
import { whole } from "./MetricAdder";

const CANDIDATES = 80;
const NEWEST_RUNS = 30;

const ALL = { prefix: "metric.", limit: CANDIDATES };

/** Asks for the metrics there are before the view is there. */
export function metricsAhead(workspace: string): void {
  void ahead(below(workspace, "search", "columns"), ALL);
}

export function useMetrics(workspace: string, q = ""): readonly string[] {
  const metrics = useSignal<readonly string[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const options = { signal: abort.signal };
    const choose = async () => {
      const found = await searchColumns(workspace, ALL, options);
      const refs = [...new Set(found.filter((column) => column.kind === "metric").map((column) => whole(column.ref)))];
      if (refs.length === 0) return;
      const columns = refs.slice(0, CANDIDATES).join(",");
      const newest = await searchRuns(workspace, { q, columns, limit: NEWEST_RUNS, count: false }, options);
      metrics.value = commonest(newest.runs, refs);
    };
    choose().catch(() => undefined); // then no metric is shown until one is chosen
    return () => abort.abort();
  }, [workspace, q, metrics]);
  return metrics.value;
}

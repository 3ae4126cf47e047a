/** A series for tests. */

import type { PlotSeries } from "./data";

export function series(some: Partial<PlotSeries> = {}): PlotSeries {
  const x = some.x ?? [0, 1, 2, 3];
  return {
    run_id: "r",
    metric: "loss",
    column: null,
    rank: null,
    attempt: 0,
    kind: "double",
    axis: "step",
    n: x.length,
    of: x.length,
    x,
    value: some.value ?? x.map((at) => at * 10),
    band: null,
    slowest_rank: null,
    marks: [],
    marks_of: 0,
    label: "loss",
    colour: "#123456",
    ...some,
  };
}

import { describe, expect, it } from "vitest";
import type { FoundRun, Value } from "../../api";
import { parallel, scatter } from "./drawing";

const look = { text: "#000", muted: "#444", grid: "#ddd", background: "#fff", font: "sans-serif" };
const run = (run_id: string, values: Record<string, Value>) =>
  ({ run_id, name: run_id, number: null, values }) as unknown as FoundRun;
const runs = [
  run("a", { "metric.loss": 0, "tag.lr": "0.1" }),
  run("b", { "metric.loss": 1, "tag.lr": "0.3" }),
  run("c", { "metric.loss": null, "tag.lr": "0.2" }),
];
const size = [600, 300] as const;
const of = (drawing: { shapes: readonly { kind: string; run_id?: string }[] }, run_id: string) =>
  drawing.shapes.filter((shape) => shape.run_id === run_id);

describe("scatter", () => {
  it("places what has both values, and counts it", () => {
    const drawn = scatter(runs, ["metric.loss", "tag.lr"], size, look, () => "#123");
    expect([drawn.n, of(drawn, "a").length, of(drawn, "c").length]).toEqual([2, 1, 0]);
  });
});

describe("parallel coordinates", () => {
  it("keep what is inside all brushes, and leave gaps where there is no value", () => {
    const refs = ["tag.lr", "metric.loss"];
    const all = parallel(runs, refs, {}, size, look, () => "#123");
    expect(all.kept).toEqual(["a", "b", "c"]);
    expect(of(all, "c").map((shape) => shape.kind)).toEqual(["dot"]);
    expect(parallel(runs, refs, { "tag.lr": [0, 0.6] }, size, look, () => "#123").kept).toEqual(["a", "c"]);
    expect(parallel(runs, refs, { "metric.loss": [0, 1] }, size, look, () => "#123").kept).toEqual(["a", "b"]);
  });
});

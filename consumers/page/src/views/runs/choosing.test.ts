import { expect, it } from "vitest";
import type { FoundRun } from "../../api";
import { commonest } from "./choosing";

const run = (values: FoundRun["values"]) => ({ values }) as FoundRun;

it("shows first what most runs have, and of that what is looked at first", () => {
  const refs = ["metric.a/grad", "metric.train/loss", "metric.acc", "metric.none", "metric.rare/loss"];
  const runs = [
    run({ "metric.a/grad": 1, "metric.train/loss": 1, "metric.acc": "NaN", "metric.rare/loss": 0 }),
    run({ "metric.a/grad": 1, "metric.train/loss": 0, "metric.acc": 1, "metric.none": null }),
  ];
  expect(commonest(runs, refs)).toEqual(["metric.acc", "metric.train/loss", "metric.a/grad", "metric.rare/loss"]);
  expect(commonest([], ["metric.b", "metric.loss"])).toEqual(["metric.loss", "metric.b"]);
});

import { describe, expect, it } from "vitest";
import { labelOf, metricOf, refOf, segments, seriesName, sparkOf, splitRefs } from "./refs";

describe("refs", () => {
  it("part at commas, but not inside quotes", () => {
    expect(splitRefs('status, tag."a,b" ,,metric.loss.min')).toEqual(["status", 'tag."a,b"', "metric.loss.min"]);
    expect(splitRefs("")).toEqual([]);
  });

  it.each(["team", "my key", 'a"b\\c', "a.b", "val/acc", "ä"])("keep the key %s", (key) => {
    expect(segments(refOf("tag", key))).toEqual(["tag", key]);
  });

  it.each([
    ["metric.loss", { name: "loss", column: null, what: "last" }],
    ["metric.val/acc.max", { name: "val/acc", column: null, what: "max" }],
    ['metric."a.b".min', { name: "a.b", column: null, what: "min" }],
    ["metric.rows.precision.count", { name: "rows", column: "precision", what: "count" }],
    ["spark.loss", { name: "loss", column: null, what: "last" }],
    ["tag.metric", null],
    ["metric.", null],
  ])("%s names a metric", (ref, metric) => {
    expect(metricOf(ref)).toEqual(metric);
  });

  it("are told as people say them", () => {
    expect(labelOf("metric.loss.min")).toBe("loss min");
    expect(labelOf('property."azureml.git.branch"')).toBe("azureml.git.branch");
    expect(labelOf("duration_s")).toBe("duration");
    expect(sparkOf('metric."a.b".min')).toBe('spark."a.b"');
    expect(seriesName({ name: "rows", column: "x" })).toBe('["rows","x"]');
  });
});

// @vitest-environment node
import { expect, it } from "vitest";
import { csv, field, fileName, legendOf, seriesCsv, unsampledCsv } from "./exporting";
import { series } from "./series.sample";

it("quotes what must be quoted, and keeps every digit", () => {
  expect(field('say "a", b')).toBe('"say ""a"", b"');
  expect(field(0.1 + 0.2)).toBe("0.30000000000000004");
  expect(field(-0)).toBe("-0");
  expect(field(null)).toBe("");
  expect(csv(["a"], [["x\ny"]])).toBe('a\r\n"x\ny"\r\n');
});

it("holds all that a chart shows: points, what is not finite, bands, slowest ranks", () => {
  const s = series({
    x: [0, 1],
    value: [0.5, null],
    marks: [{ x: 1, value: "-Infinity" }],
    band: { x: [0], min: [0.25], max: [1] },
    slowest_rank: [3, null],
  });
  expect(seriesCsv([s], "step").split("\r\n")).toEqual([
    "run_id,metric,column,rank,attempt,what,step,value,min,max,slowest_rank",
    "r,loss,,,0,point,0,0.5,,,3",
    "r,loss,,,0,point,1,-Infinity,,,",
    "r,loss,,,0,band,0,,0.25,1,",
    "",
  ]);
});

it("adds the smoothed value beside the raw one", () => {
  const [head, first] = seriesCsv([series({ x: [0], value: [4] })], "step", { kind: "ema", weight: 0.5 }).split("\r\n");
  expect(head?.endsWith(",smoothed")).toBe(true);
  expect(first?.endsWith(",4")).toBe(true);
});

it("writes unsampled points with step and time, also those that are not finite", () => {
  const text = unsampledCsv([
    {
      run_id: "r",
      metric: "m",
      column: "c",
      rank: 1,
      attempt: 2,
      x: [7, 8],
      value: [null, 1.5],
      step: [7, 8],
      time: [10.5, 11],
      marks: [{ x: 7, value: "NaN" }],
      marks_of: 1,
    },
  ]);
  expect(text.split("\r\n").slice(1, 3)).toEqual(["r,m,c,1,2,7,10.5,NaN", "r,m,c,1,2,8,11,1.5"]);
});

it("makes file names that every system takes", () => {
  expect(fileName("run 1/val\\loss:*?", "csv")).toBe("run_1_val_loss.csv");
  expect(fileName("...", "png")).toBe("chart.png");
});

it("names each line once in the legend of a picture", () => {
  expect(legendOf([series(), series(), series({ rank: 1, label: "rank 1" })]).map((entry) => entry.label)).toEqual([
    "loss",
    "rank 1",
  ]);
});

// @vitest-environment node
import { describe, expect, it } from "vitest";
import { layers, logTicks, plotData, plotOptions, ranges, ticks } from "./options";
import { series } from "./series.sample";

describe("layers", () => {
  it("draws every raw line, also behind a smoothed one", () => {
    const made = layers([series(), series()], { kind: "ema", weight: 0.9 }, false, false);
    expect(made.map((layer) => [layer.series, layer.what])).toEqual([
      [0, "raw"],
      [1, "raw"],
      [0, "smoothed"],
      [1, "smoothed"],
    ]);
    expect(made[0]?.value).toEqual([0, 10, 20, 30]);
  });

  it("breaks a line on a log axis where a value has no place", () => {
    const [layer] = layers([series({ value: [1, -2, 0, 4] })], { kind: "none" }, false, true);
    expect(layer?.value).toEqual([1, null, null, 4]);
    const [shifted] = layers([series()], { kind: "none" }, true, false);
    expect(shifted?.x).toEqual([1, 2, 3]);
    expect(shifted?.value).toEqual([10, 20, 30]);
  });

  it("gives the drawing a line where there is none, since it needs one", () => {
    expect(plotData([])).toEqual([null, [[], []]]);
  });
});

describe("ranges", () => {
  it("are of all of x, or of the zoom", () => {
    expect(ranges([series()], null, null, false, false).x).toEqual({ min: 0, max: 3 });
    const zoomed = ranges([series()], { from: 1, to: 2 }, null, false, false);
    expect(zoomed.x).toEqual({ min: 1, max: 2 });
    expect(zoomed.y.min).toBeCloseTo(9.4, 6);
    expect(ranges([series()], null, { from: 0, to: 5 }, false, false).y).toEqual({ min: 0, max: 5 });
  });

  it("are never empty and never reach zero on a log axis", () => {
    const flat = ranges([series({ value: [2, 2, 2, 2] })], null, null, false, false).y;
    expect(flat.min).toBeLessThan(2);
    expect(flat.max).toBeGreaterThan(2);
    expect(ranges([], null, null, true, true)).toEqual({ x: { min: 1, max: 10 }, y: { min: 1, max: 10 } });
    expect(ranges([series()], { from: -1, to: 2 }, null, true, false).x.min).toBeGreaterThan(0);
  });
});

it("writes ticks with as many digits as tell them apart", () => {
  expect(ticks([0, 0.05, 0.1])).toEqual(["0", "0.05", "0.10"]);
  expect(ticks([0, 200000, 400000])).toEqual(["0", "2e5", "4e5"]);
  expect(ticks([100000, 100001, 100002])[1]).toBe("1.00001e5");
  expect(ticks([0, 0.025, 0.05])).toEqual(["0", "0.025", "0.050"]);
  expect(ticks([100000, 125000, 150000])).toEqual(["1.00e5", "1.25e5", "1.50e5"]);
  expect(ticks([1, 10, 100, null])).toEqual(["1", "10", "100", ""]);
});

it("labels a log axis by its tens, twos and fives, never by where it happens to end", () => {
  expect(logTicks([0.01609, 0.02, 0.05, 0.07, 0.1, null])).toEqual(["", "0.02", "0.05", "", "0.1", ""]);
});

it("asks for colours at each drawing, so that a theme or a hover needs no new chart", () => {
  let colour = "#111111";
  const options = plotOptions({
    width: 300,
    height: 100,
    layers: layers([series()], { kind: "none" }, false, false),
    axis: { kind: "step", label: "step" },
    xLog: false,
    yLog: true,
    stroke: () => colour,
    lineWidth: () => 1,
    look: () => ({ text: "#000", muted: "#000", grid: "#000", background: "#fff", font: "serif" }),
    ranges: () => ({ x: { min: 0, max: 1 }, y: { min: 1, max: 2 } }),
    hooks: {},
  });
  const stroke = options.series[1]?.stroke as unknown as () => string;
  expect(stroke()).toBe("#111111");
  colour = "#222222";
  expect(stroke()).toBe("#222222");
  expect(options.scales?.["y"]?.distr).toBe(3);
  expect(options.cursor?.drag?.setScale).toBe(false);
});

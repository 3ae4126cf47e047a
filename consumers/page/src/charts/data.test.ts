// @vitest-environment node
import { describe, expect, it } from "vitest";
import { against, append, indices, lineAt, lowerBound, nearest, nonPositive, slowest, xExtent, yExtent } from "./data";
import { series } from "./series.sample";

describe("places on x", () => {
  it("finds the first point at or after, and the nearest", () => {
    expect(lowerBound([1, 3, 3, 5], 3)).toBe(1);
    expect(lowerBound([1, 3], 9)).toBe(2);
    expect(nearest([1, 3, 5], 4.2)).toBe(2);
    expect(nearest([1, 3, 5], 4)).toBe(1);
    expect(nearest([], 4)).toBe(-1);
  });

  it("takes both ends of a range, and every point of an equal x", () => {
    expect(indices([1, 2, 2, 2, 3], { from: 2, to: 2 })).toEqual([1, 4]);
    expect(indices([1, 2, 3], null)).toEqual([0, 3]);
    expect(indices([1, 2, 3], { from: 7, to: 9 })).toEqual([3, 3]);
  });
});

describe("what a chart shows", () => {
  it("counts marks and bands into its ranges", () => {
    const s = series({ marks: [{ x: 9, value: "NaN" }], band: { x: [0, 3], min: [-5, 0], max: [1, 77] } });
    expect(xExtent([s])).toEqual({ min: 0, max: 9 });
    expect(yExtent([s], null)).toEqual({ min: -5, max: 77 });
    expect(yExtent([s], { from: 0, to: 1 })).toEqual({ min: -5, max: 10 });
  });

  it("finds the line that crosses a range without points", () => {
    expect(yExtent([series()], { from: 1.2, to: 1.8 })).toEqual({ min: 10, max: 20 });
  });

  it("says how many values a log axis cannot show, and leaves them out of its range", () => {
    const s = series({ value: [-1, 0, 5, null] });
    expect(nonPositive([s], "y")).toBe(2);
    expect(nonPositive([s], "x")).toBe(1);
    expect(yExtent([s], null, true)).toEqual({ min: 5, max: 5 });
    expect(xExtent([s], true)).toEqual({ min: 1, max: 3 });
  });

  it("puts what is not finite where its neighbours draw the line", () => {
    expect(lineAt([0, 2, 4], [0, null, 40], 2)).toBe(20);
    expect(lineAt([0, 2], [null, 7], 0)).toBe(7);
    expect(lineAt([0], [null], 0)).toBeNull();
  });
});

describe("appending", () => {
  it("joins what follows and counts both", () => {
    const joined = append(
      series({ n: 4, of: 900 }),
      series({ x: [4, 5], value: [1, null], marks: [{ x: 5, value: "NaN" }], marks_of: 1 }),
    );
    expect(joined?.x).toEqual([0, 1, 2, 3, 4, 5]);
    expect(joined?.n).toBe(6);
    expect(joined?.of).toBe(902);
    expect(joined?.marks_of).toBe(1);
  });

  it("keeps every point of a step that is logged again, in the order of x", () => {
    const joined = append(series(), series({ x: [1, 2.5], value: [99, 98] }));
    expect(joined?.x).toEqual([0, 1, 1, 2, 2.5, 3]);
    expect(joined?.value).toEqual([0, 10, 99, 20, 98, 30]);
    expect(joined?.of).toBe(6);
  });

  it("replaces over ranks what stood at the same x", () => {
    const band = { x: [0, 1, 2, 3], min: [0, 0, 0, 0], max: [9, 9, 9, 9] };
    const came = series({ x: [3, 4], value: [31, 41], band: { x: [3, 4], min: [1, 1], max: [8, 8] } });
    const joined = append(series({ band }), came, true);
    expect(joined?.x).toEqual([0, 1, 2, 3, 4]);
    expect(joined?.value).toEqual([0, 10, 20, 31, 41]);
    expect(joined?.of).toBe(5);
    expect(joined?.band).toEqual({ x: [0, 1, 2, 3, 4], min: [0, 0, 0, 1, 1], max: [9, 9, 9, 8, 8] });
  });

  it("asks for the whole where a thinned out fold was changed before its end", () => {
    expect(append(series({ of: 500 }), series({ x: [2], value: [5] }), true)).toBeNull();
  });
});

describe("x as another metric", () => {
  it("gives each point the last value of x at or before it, and says how many have none", () => {
    const y = series({ x: [0, 5, 10], value: [3, 2, 1], marks: [{ x: 10, value: "NaN" }] });
    const x = series({ metric: "epoch", x: [4, 9], value: [1, 2] });
    const { series: made, unplaced } = against(y, x);
    expect(made.x).toEqual([1, 2]);
    expect(made.value).toEqual([2, 1]);
    expect(made.marks).toEqual([{ x: 2, value: "NaN" }]);
    expect(unplaced).toBe(1);
  });

  it("orders by the other metric, points of an equal one as they were logged", () => {
    const y = series({ x: [0, 1, 2], value: [1, 2, 3] });
    const { series: made } = against(y, series({ x: [0, 1, 2], value: [5, 5, 4] }));
    expect(made.x).toEqual([4, 5, 5]);
    expect(made.value).toEqual([3, 1, 2]);
  });
});

it("names the rank that is slowest most often", () => {
  const s = series({ slowest_rank: [3, 7, 7, null] });
  expect(slowest(s, null)).toEqual({ rank: 7, times: 2, of: 3 });
  expect(slowest(s, { from: 0, to: 0 })).toEqual({ rank: 3, times: 1, of: 1 });
  expect(slowest(series(), null)).toBeNull();
});

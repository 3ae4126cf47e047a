// @vitest-environment node
import { expect, it } from "vitest";
import { decodeSmoothing, ema, encodeSmoothing, runningMean, smoothed } from "./smoothing";

it("starts an average at its first value, not at zero", () => {
  const made = ema([5, 5, 5], 0.99) as number[];
  for (const value of made) expect(value).toBeCloseTo(5, 12);
});

it("weighs as the formula says", () => {
  // (0.5*0.5*1 + 0.5*3) / (1 - 0.5^2)
  expect(ema([1, 3], 0.5)[1]).toBeCloseTo(1.75 / 0.75, 12);
});

it("keeps gaps and is not pulled by them", () => {
  expect(ema([2, null, 2], 0.9)).toEqual([2, null, expect.closeTo(2, 12)]);
  expect(runningMean([1, null, 3], 3)).toEqual([1, null, 3]);
});

it("takes a centred mean, over what there is at the ends", () => {
  expect(runningMean([0, 3, 6, 9], 3)).toEqual([1.5, 3, 6, 7.5]);
  expect(runningMean([4, 8], 1)).toEqual([4, 8]);
});

it("keeps the digits of large values that are nearly equal", () => {
  const values = Array.from({ length: 2000 }, (_, i) => 1e15 + (i % 2));
  expect(runningMean(values, 2001)[1000]).toBeCloseTo(1e15 + 0.5, 1);
});

it("comes back from the address, and takes nonsense for none", () => {
  for (const by of [{ kind: "none" }, { kind: "ema", weight: 0.95 }, { kind: "mean", window: 21 }] as const)
    expect(decodeSmoothing(encodeSmoothing(by))).toEqual(by);
  for (const text of ["ema:x", "mean:-3", "spline:2", "ema:", null])
    expect(decodeSmoothing(text)).toEqual({ kind: "none" });
  expect(decodeSmoothing("ema:5")).toEqual({ kind: "ema", weight: 0.999 });
});

it("leaves values alone where nothing is asked", () => {
  expect(smoothed([1, null], { kind: "none" })).toEqual([1, null]);
});

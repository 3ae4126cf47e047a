// @vitest-environment node
import { expect, it } from "vitest";
import { bounded, decodeRange, encodeRange, nextStop, zoomed } from "./zooming";

it("zooms around a place, on a log axis by factors", () => {
  expect(zoomed({ from: 0, to: 100 }, 25, 0.5, false)).toEqual({ from: 12.5, to: 62.5 });
  const log = zoomed({ from: 1, to: 100 }, 10, 0.5, true);
  expect(log.from).toBeCloseTo(Math.sqrt(10), 9);
  expect(log.to).toBeCloseTo(10 * Math.sqrt(10), 9);
});

it("is no zoom when all is shown", () => {
  expect(bounded({ from: -5, to: 200 }, { from: 0, to: 100 })).toBeNull();
  expect(bounded({ from: -5, to: 20 }, { from: 0, to: 100 })).toEqual({ from: 0, to: 20 });
});

it("moves the cursor from point to point, and stays at the ends", () => {
  const xs = [0, 10, 20, 30];
  expect(nextStop(xs, null, 1)).toBe(0);
  expect(nextStop(xs, null, -1)).toBe(30);
  expect(nextStop(xs, 10, 1)).toBe(20);
  expect(nextStop(xs, 12, 1)).toBe(20);
  expect(nextStop(xs, 12, -1)).toBe(10);
  expect(nextStop(xs, 20, 10)).toBe(30);
  expect(nextStop([], 3, 1)).toBeNull();
});

it("comes back from the address", () => {
  const range = { from: 0.1, to: 1234567.5 };
  expect(decodeRange(encodeRange(range))).toEqual(range);
  expect(decodeRange("-5..5")).toEqual({ from: -5, to: 5 });
  for (const text of ["", "5", "5..", "9..3", "a..b", "1..2..3", null]) expect(decodeRange(text)).toBeNull();
});

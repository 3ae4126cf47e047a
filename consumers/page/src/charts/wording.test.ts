// @vitest-environment node
import { expect, it } from "vitest";
import { bytes, duration, moment, nOfM, short } from "./wording";

it("writes values short, and never NaN as a number", () => {
  expect(short(0.123456789)).toBe("0.12346");
  expect(short(1234567)).toBe("1,234,567");
  expect(short(1.5e-7)).toBe("1.5e-7");
  expect(short(Number.NaN)).toBe("NaN");
  expect(short(-Infinity)).toBe("−∞");
  expect(short(null)).toBe("–");
});

it("says how many points of how many", () => {
  expect(nOfM(1000, 5_000_000)).toBe("1,000 of 5,000,000 points");
  expect(nOfM(12, 12)).toBe("12 points");
  expect(nOfM(1, 1)).toBe("1 point");
});

it("writes durations and sizes in units that one reads", () => {
  expect(duration(0.417)).toBe("0.42 s");
  expect(duration(245)).toBe("4 min 05 s");
  expect(duration(12_000)).toBe("3 h 20 min");
  expect(duration(190_000)).toBe("2 d 4 h");
  expect(duration(59.97)).toBe("60 s");
  expect(bytes(812)).toBe("812 B");
  expect(bytes(1434)).toBe("1.4 KiB");
});

it("shows moments to the microsecond where that is asked", () => {
  expect(moment("2026-03-01T12:00:00.123456Z", true)).toMatch(/2026-0[23]-\d\d \d\d:\d\d:00\.123456$/);
  expect(moment(null)).toBe("–");
});

// @vitest-environment node
import { expect, it } from "vitest";
import { sparkPath } from "./Sparkline";

it("draws gaps as gaps and a value alone as a dot", () => {
  expect(sparkPath([0, 1, 2, 3], [0, 10, null, 5], 96, 20)).toBe("M2.0 18.0L32.7 2.0M94.0 10.0h.1");
  expect(sparkPath([5], [3], 96, 20)).toBe("M48.0 10.0h.1");
  expect(sparkPath([], [], 96, 20)).toBe("");
});

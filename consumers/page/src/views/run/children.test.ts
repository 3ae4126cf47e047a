import { expect, it } from "vitest";
import { concerns } from "./children";

const shown = new Set(["parent", "child"]);

function told(runs: Record<string, string[]>, withMetrics = false): boolean {
  return concerns({ runs, experiments: [], more: false }, shown, withMetrics);
}

it("asks again for what its rows show, and for new children", () => {
  expect(told({ child: ["status"] })).toBe(true);
  expect(told({ child: ["facts"] })).toBe(true);
  expect(told({ other: ["points"], parent: ["children"] })).toBe(true);
});

it("lets all else pass", () => {
  expect(told({ other: ["status", "facts", "children", "points"] })).toBe(false);
  expect(told({ child: ["points", "logs"] })).toBe(false);
  expect(told({ parent: ["logs"] }, true)).toBe(false);
});

it("hears of points where metrics are shown, and of a reset always", () => {
  expect(told({ child: ["points"] }, true)).toBe(true);
  expect(concerns({ runs: {}, experiments: [], more: false, reset: true }, new Set(), false)).toBe(true);
});

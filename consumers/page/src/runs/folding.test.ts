import { describe, expect, it } from "vitest";
import { folded } from "./folding";

describe("many lines as one", () => {
  it("is the mean with its band, over the runs that are there", () => {
    const lines = [
      { x: [0, 10], value: [0, 10] },
      { x: [0, 5], value: [4, 4] },
    ];
    expect(folded(lines, 3)).toEqual({ x: [0, 5, 10], mean: [2, 4.5, 10], min: [0, 4, 10], max: [4, 5, 10] });
  });

  it("bridges nothing that is not finite", () => {
    expect(folded([{ x: [0, 1, 2], value: [1, null, 3] }], 5).mean).toEqual([1, null, null, null, 3]);
  });

  it("is nothing of nothing, and a point of a point", () => {
    expect(folded([]).x).toEqual([]);
    expect(folded([{ x: [], value: [] }]).x).toEqual([]);
    expect(folded([{ x: [3], value: [7] }])).toEqual({ x: [3], mean: [7], min: [7], max: [7] });
  });
});

import { describe, expect, it } from "vitest";
import { scaleOf } from "./scales";

describe("a scale", () => {
  it("places numbers evenly, and what is not finite nowhere", () => {
    const scale = scaleOf("metric.loss", [0, 10, "NaN", null]);
    expect([scale.at(0), scale.at(5), scale.at(10), scale.at("NaN"), scale.at(null)]).toEqual([0, 0.5, 1, null, null]);
    expect(scale.value(0.25)).toBe(2.5);
    expect(scale.ticks.map((tick) => tick.text)).toEqual(["0", "5", "10"]);
  });

  it("takes texts that are numbers for numbers, and words by rank", () => {
    expect(scaleOf("tag.lr", ["0.1", "0.3", "0.2"]).at("0.2")).toBeCloseTo(0.5);
    const words = scaleOf("tag.team", ["vision", "asr", "vision", "nlp"]);
    expect([words.numeric, words.at("asr"), words.at("nlp"), words.at("vision")]).toEqual([false, 0, 0.5, 1]);
  });

  it("stands on one value, and on none", () => {
    expect(scaleOf("x", [7, 7]).at(7)).toBe(0.5);
    expect(scaleOf("x", []).ticks).toEqual([]);
    expect(scaleOf("x", ["NaN"]).at("NaN")).toBe(0.5);
  });
});

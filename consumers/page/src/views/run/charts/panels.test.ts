import { describe, expect, it } from "vitest";
import type { MetricSummary } from "../../../api";
import { decodeChoices, encodeChoices } from "./choices";
import { shade } from "./lines";
import { isWithin, panelsOf, pathOf, searchOf, sectionsOf } from "./panels";

function metric(name: string, some: Partial<MetricSummary> = {}): MetricSummary {
  return {
    name,
    column: null,
    kind: "double",
    axis: "step",
    points: 1,
    last: 0,
    min: 0,
    max: 0,
    last_step: 0,
    last_time: null,
    nonfinite: 0,
    writers: 1,
    ...some,
  };
}

describe("panels", () => {
  it("stand in sections by prefix, numbers in their order", () => {
    const { panels } = panelsOf(
      ["loss", "grad/b10/w", "grad/b2/w", "grad/b2/v"].map((name) => metric(name)),
      false,
    );
    const sections = sectionsOf(panels, "name");
    expect(sections.map((section) => section.prefix)).toEqual(["", "grad/b2", "grad/b10"]);
    expect(sections[1]?.panels.map((panel) => panel.title)).toEqual(["v", "w"]);
    expect(pathOf(sections[1]?.panels[0] as never)).toBe("grad/b2/v");
  });

  it("leave texts and table columns apart until these are asked for", () => {
    const all = [metric("note", { kind: "string" }), metric("rows", { column: "a", axis: "row" }), metric("x")];
    expect(panelsOf(all, false).panels.map((panel) => panel.title)).toEqual(["x"]);
    expect(panelsOf(all, false).texts.map((text) => text.name)).toEqual(["note"]);
    expect(panelsOf(all, false).columns).toBe(1);
    expect(panelsOf(all, true).panels.map(pathOf)).toEqual(["rows/a", "x"]);
  });

  it("are one for a metric that was logged with steps and without", () => {
    expect(panelsOf([metric("x"), metric("x", { axis: "ordinal" })], false).panels).toHaveLength(1);
  });

  it("come in other orders as well", () => {
    const { panels } = panelsOf([metric("a", { points: 1 }), metric("b", { points: 9, nonfinite: 2 })], false);
    expect(sectionsOf(panels, "points")[0]?.panels[0]?.title).toBe("b");
    expect(sectionsOf(panels, "nonfinite")[0]?.panels[0]?.title).toBe("b");
  });

  it("are hidden below a folded prefix, not beside it", () => {
    expect(isWithin("a/b/c", new Set(["a/b"]))).toBe(true);
    expect(isWithin("a/b", new Set(["a/b"]))).toBe(false);
    expect(isWithin("ab/c", new Set(["a"]))).toBe(false);
  });
});

it("searches by regular expression, and says when it is none", () => {
  expect(searchOf("^val/|loss$").matches("train/LOSS")).toBe(true);
  const broken = searchOf("loss(");
  expect(broken.error).toContain("no regular expression");
  expect(broken.matches("my loss(x)")).toBe(true);
});

it("keeps every choice in the address", () => {
  const choices = {
    q: "^a b",
    order: "latest",
    columns: 3,
    smoothing: { kind: "ema", weight: 0.9 },
    x: { kind: "metric", ref: '["my epoch",null]' },
    xLog: true,
    yLog: true,
    ranks: 3,
    attempt: "all",
    zoom: { from: 1, to: 2.5 },
    alone: true,
    rows: true,
    pinned: ['["a",null]', '["b","c"]'],
    folded: ["x/y"],
  } as const;
  const address = Object.fromEntries(
    Object.entries(encodeChoices(choices)).flatMap(([name, value]) =>
      value === null ? [] : [[name, typeof value === "string" ? [value] : value]],
    ),
  );
  expect(decodeChoices(address)).toEqual(choices);
  expect(Object.values(encodeChoices(decodeChoices({}))).every((value) => value === null)).toBe(true);
  expect(decodeChoices({ ranks: ["-1"], columns: ["99"], zoom: ["x"], attempt: ["2"] })).toMatchObject({
    ranks: null,
    columns: 8,
    zoom: null,
    attempt: 2,
  });
});

it("shades attempts: the latest in full, older ones fainter, never gone", () => {
  expect(shade("#ff0000", 2, 2)).toBe("#ff0000");
  expect(shade("#ff0000", 1, 2)).toContain("62%");
  expect(shade("#ff0000", 0, 9)).toContain("30%");
});

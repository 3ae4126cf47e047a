// @vitest-environment node
import { expect, it } from "vitest";
import {
  accuracyTable,
  binSpans,
  check,
  confusionMatrix,
  microAverage,
  precisionRecallCurves,
  residuals,
  rocCurves,
  Unreadable,
} from "./documents";
import { csvRows, tableOf } from "./rows";

const ACCURACY = {
  schema_type: "accuracy_table",
  schema_version: "1.0.1",
  data: {
    class_labels: ["a", "b"],
    probability_thresholds: [0, 0.5, 1],
    percentile_thresholds: [0, 0.5, 1],
    // TP, FP, TN, FN
    probability_tables: [
      [
        [6, 4, 0, 0],
        [5, 1, 3, 1],
        [0, 0, 4, 6],
      ],
      [
        [4, 6, 0, 0],
        [3, 1, 5, 1],
        [0, 0, 6, 4],
      ],
    ],
    percentile_tables: [[[6, 4, 0, 0]], [[4, 6, 0, 0]]],
  },
};

it("makes ROC curves from (0, 0) to (1, 1) with their area", () => {
  const [first] = rocCurves(accuracyTable(ACCURACY, "probability"));
  expect(first?.label).toBe("a");
  expect(first?.points[0]?.slice(0, 2)).toEqual([0, 0]);
  expect(first?.points.at(-1)?.slice(0, 2)).toEqual([1, 1]);
  expect(first?.points).toContainEqual([0.25, 5 / 6, 0.5]);
  // trapezoids: 0.25 * (5/6)/2 + 0.75 * (5/6 + 1)/2
  expect(first?.area).toBeCloseTo((0.25 * 5) / 12 + (0.75 * 11) / 12, 12);
});

it("leaves out precision where nothing was called positive", () => {
  const [first] = precisionRecallCurves(accuracyTable(ACCURACY, "probability"));
  expect(first?.points.map(([recall, precision]) => [recall, precision])).toEqual([
    [5 / 6, 5 / 6],
    [1, 0.6],
  ]);
});

it("averages over classes by their counts", () => {
  expect(microAverage(accuracyTable(ACCURACY, "probability")).tables[0]?.[1]).toEqual([8, 2, 8, 2]);
});

it("reads documents without their wrapper, and labels that are absent", () => {
  expect(
    confusionMatrix({
      matrix: [
        [1, 2],
        [3, 4],
      ],
    }),
  ).toEqual({
    labels: ["0", "1"],
    rows: [
      [1, 2],
      [3, 4],
    ],
  });
});

it("says which part of a document does not hold", () => {
  expect(() => confusionMatrix({ data: { matrix: [[1, "x"]] } })).toThrow(/matrix\[0\]\[1\] is no number: "x"/);
  expect(() => accuracyTable({ data: { probability_tables: [[[1, 2, 3]]] } }, "probability")).toThrow(
    /3 counts, not TP, FP, TN, FN/,
  );
  for (const broken of [null, 5, {}, { data: { matrix: 3 } }])
    expect(() => check("confusion_matrix", broken)).toThrow(Unreadable);
});

it("takes one edge more than bins, and makes do where there are not", () => {
  expect(binSpans([0, 1, 3], 2)).toEqual([
    [0, 1],
    [1, 3],
  ]);
  expect(binSpans([1, 2], 2)).toEqual([
    [0.5, 1.5],
    [1.5, 2.5],
  ]);
  expect(residuals({ data: { bin_edges: [0, 1], bin_counts: [0.88] } }).counts).toEqual([0.88]);
});

it("makes rows of columns, ragged ones too", () => {
  const base = {
    run_id: "r",
    metric: "t",
    rank: null,
    attempt: 0,
    axis: "row",
    of: 0,
    n: 0,
    band: null,
    slowest_rank: null,
    marks_of: 0,
  };
  const table = tableOf([
    { ...base, column: "a", kind: "long", x: [1, 3], step: [1, 3], value: [10, 30], marks: [] },
    {
      ...base,
      column: "b",
      kind: "double",
      x: [1, 5],
      step: [1, 5],
      value: ["t", null],
      marks: [{ x: 5, value: "NaN" }],
    },
  ]);
  expect(table.columns).toEqual(["a", "b"]);
  expect(table.rows.map((row) => row.cells)).toEqual([{ a: 10, b: "t" }, { a: 30 }, { b: "NaN" }]);
  expect(csvRows(table)).toEqual({
    head: ["row", "a", "b"],
    rows: [
      [1, 10, "t"],
      [2, 30, undefined],
      [3, undefined, "NaN"],
    ],
  });
});

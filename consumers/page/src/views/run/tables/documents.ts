/**
 * What the four chart documents hold, read with care: nothing validates them when they are logged, so a part that does not
 * hold is told and the rest is shown. Pure.
 */

export interface Curve {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number, threshold: number | null])[];
  /** Area under the curve, by trapezoids; null where there are too few points. */
  readonly area: number | null;
}

export interface AccuracyTable {
  readonly labels: readonly string[];
  /** Per class, threshold: TP, FP, TN, FN. */
  readonly tables: readonly (readonly (readonly number[])[])[];
  readonly thresholds: readonly (readonly number[])[];
  readonly samples: number | null;
}

export interface Matrix {
  readonly labels: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

export interface Bins {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

export interface Predictions extends Bins {
  readonly averages: readonly number[];
  readonly errors: readonly number[];
}

export class Unreadable extends Error {}

/** The part that holds the data: documents come with and without their wrapper. */
export function dataOf(document: unknown): Record<string, unknown> {
  if (typeof document !== "object" || document === null) throw new Unreadable("it is no object");
  const data = (document as { data?: unknown }).data;
  return (typeof data === "object" && data !== null ? data : document) as Record<string, unknown>;
}

/** `which`: probability (thresholds even in [0, 1]) or percentile (as the predictions lie). */
export function accuracyTable(document: unknown, which: "probability" | "percentile"): AccuracyTable {
  const data = dataOf(document);
  const tables = data[`${which}_tables`];
  if (!Array.isArray(tables) || tables.length === 0) throw new Unreadable(`${which}_tables is absent or empty`);
  const read = tables.map((table, c) => {
    if (!Array.isArray(table)) throw new Unreadable(`${which}_tables[${c}] is no list`);
    return table.map((row, m) => {
      const four = numbers(row, `${which}_tables[${c}][${m}]`);
      if (four.length !== 4)
        throw new Unreadable(`${which}_tables[${c}][${m}] has ${four.length} counts, not TP, FP, TN, FN`);
      return four;
    });
  });
  const given = data[`${which}_thresholds`];
  const perClass = Array.isArray(given) && Array.isArray(given[0]);
  const thresholds = read.map((_, c) =>
    Array.isArray(given) ? numbers(perClass ? given[c] : given, `${which}_thresholds`) : [],
  );
  const first = read[0]?.[0];
  return {
    labels: labelsOf(data, read.length),
    tables: read,
    thresholds,
    samples: first ? first.reduce((sum, n) => sum + n, 0) : null,
  };
}

/** False positive rate to true positive rate, by class; begins at (0, 0) and ends at (1, 1). */
export function rocCurves(table: AccuracyTable): Curve[] {
  return table.tables.map((rows, c) => {
    const points = rows.flatMap(([tp = 0, fp = 0, tn = 0, fn = 0], m) =>
      tp + fn > 0 && fp + tn > 0 ? [[fp / (fp + tn), tp / (tp + fn), table.thresholds[c]?.[m] ?? null] as const] : [],
    );
    const ends = points.length > 0 ? [[0, 0, null] as const, ...points, [1, 1, null] as const] : [];
    const sorted = ends.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return { label: table.labels[c] ?? String(c), points: sorted, area: area(sorted) };
  });
}

/** Recall to precision, by class; where nothing was found positive there is no precision, and no point. */
export function precisionRecallCurves(table: AccuracyTable): Curve[] {
  return table.tables.map((rows, c) => {
    const points = rows
      .flatMap(([tp = 0, fp = 0, , fn = 0], m) =>
        tp + fn > 0 && tp + fp > 0 ? [[tp / (tp + fn), tp / (tp + fp), table.thresholds[c]?.[m] ?? null] as const] : [],
      )
      .sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    return { label: table.labels[c] ?? String(c), points, area: area(points) };
  });
}

/** All classes' counts added up at each threshold: the micro average. */
export function microAverage(table: AccuracyTable): AccuracyTable {
  const length = Math.min(...table.tables.map((rows) => rows.length));
  const rows = Array.from({ length }, (_, m) =>
    [0, 1, 2, 3].map((k) => table.tables.reduce((sum, of) => sum + (of[m]?.[k] ?? 0), 0)),
  );
  return { labels: ["micro average"], tables: [rows], thresholds: [table.thresholds[0] ?? []], samples: table.samples };
}

export function confusionMatrix(document: unknown): Matrix {
  const data = dataOf(document);
  const matrix = data["matrix"];
  if (!Array.isArray(matrix)) throw new Unreadable("matrix is absent");
  const rows = matrix.map((row, i) => numbers(row, `matrix[${i}]`));
  return { labels: labelsOf(data, rows.length), rows };
}

export function residuals(document: unknown): Bins {
  const data = dataOf(document);
  const edges = numbers(data["bin_edges"], "bin_edges");
  const counts = numbers(data["bin_counts"], "bin_counts");
  return { edges, counts };
}

export function predictions(document: unknown): Predictions {
  const data = dataOf(document);
  return {
    averages: numbers(data["bin_averages"], "bin_averages"),
    errors: numbers(data["bin_errors"] ?? [], "bin_errors"),
    counts: numbers(data["bin_counts"] ?? [], "bin_counts"),
    edges: numbers(data["bin_edges"], "bin_edges"),
  };
}

/** Throws Unreadable where a document of this type cannot be drawn. */
export function check(type: string, document: unknown): void {
  if (type === "confusion_matrix") confusionMatrix(document);
  else if (type === "residuals") residuals(document);
  else if (type === "predictions") predictions(document);
  else accuracyTable(document, "probability");
}

/** First and last edge of each bin; where edges are too few (seen in the wild), bins of even width. */
export function binSpans(edges: readonly number[], bins: number): (readonly [number, number])[] {
  if (edges.length > bins) return Array.from({ length: bins }, (_, i) => [edges[i] as number, edges[i + 1] as number]);
  if (edges.length === bins && bins > 1) {
    const width = ((edges[bins - 1] as number) - (edges[0] as number)) / (bins - 1);
    return edges.map((edge) => [edge - width / 2, edge + width / 2]);
  }
  return Array.from({ length: bins }, (_, i) => [i, i + 1]);
}

function area(points: readonly (readonly [number, number, number | null])[]): number | null {
  if (points.length < 2) return null;
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1] as readonly [number, number, null];
    const [x1, y1] = points[i] as readonly [number, number, null];
    sum += ((x1 - x0) * (y0 + y1)) / 2;
  }
  return sum;
}

function labelsOf(data: Record<string, unknown>, count: number): string[] {
  const labels = data["class_labels"];
  return Array.from({ length: count }, (_, i) => String((Array.isArray(labels) ? labels[i] : undefined) ?? i));
}

function numbers(from: unknown, what: string): number[] {
  if (!Array.isArray(from)) throw new Unreadable(`${what} is no list`);
  return from.map((value, i) => {
    const n = typeof value === "number" ? value : Number(value);
    if (value === null || typeof value === "boolean" || Number.isNaN(n))
      throw new Unreadable(`${what}[${i}] is no number: ${JSON.stringify(value)}`);
    return n;
  });
}

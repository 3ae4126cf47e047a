/**
 * What a chart plots, as plain data: no drawing, no network.
 *
 * A series keeps what the server answered. `value` holds null where a value is not finite; each of those is in `marks`,
 * so a gap in a line always has its reason beside it. `n` points are here, `of` were logged: a chart tells both.
 */

export type Value = number | string | boolean | null;

export interface Mark {
  x: number;
  value: "NaN" | "Infinity" | "-Infinity";
}

export interface Band {
  x: number[];
  min: (number | null)[];
  max: (number | null)[];
}

export interface PlotSeries {
  run_id: string;
  metric: string;
  column: string | null;
  rank: number | null;
  attempt: number | null;
  kind: string;
  axis: string;
  n: number;
  of: number;
  x: number[];
  value: (number | null)[];
  band: Band | null;
  slowest_rank: (number | null)[] | null;
  marks: Mark[];
  marks_of: number;
  /** What the legend calls it. */
  label: string;
  /** Of an increment: `whole` takes the place of all that was told before. */
  change?: "whole" | "points" | undefined;
  /** Any CSS colour; charts ask for it again at each drawing, so it may change. */
  colour: string;
}

export interface Range {
  from: number;
  to: number;
}

export interface Extent {
  min: number;
  max: number;
}

/** Identity of a series within a chart: stays over refetches and appends. */
export function keyOf(s: Pick<PlotSeries, "run_id" | "metric" | "column" | "rank" | "attempt">): string {
  return JSON.stringify([s.run_id, s.metric, s.column, s.rank, s.attempt]);
}

/** Index of the first x that is >= `at`; `xs` ascends. */
export function lowerBound(xs: ArrayLike<number>, at: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((xs[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the x nearest to `at`, or -1 without points. */
export function nearest(xs: ArrayLike<number>, at: number): number {
  const right = lowerBound(xs, at);
  if (right === xs.length) return right - 1;
  const left = Math.max(0, right - 1);
  return Math.abs((xs[left] as number) - at) <= Math.abs((xs[right] as number) - at) ? left : right;
}

/** Range of x over all series, or null without points. `positive`: only what a log axis can show. */
export function xExtent(series: readonly PlotSeries[], positive = false): Extent | null {
  let found: Extent | null = null;
  for (const s of series) {
    const first = positive ? s.x.findIndex((x) => x > 0) : 0;
    if (first >= 0 && s.x.length > first) found = widen(found, s.x[first] as number, s.x[s.x.length - 1] as number);
    for (const mark of s.marks) if (!positive || mark.x > 0) found = widen(found, mark.x, mark.x);
  }
  return found;
}

/** Range of values (and bands) within a range of x; without points there, of the line that crosses it. */
export function yExtent(series: readonly PlotSeries[], within: Range | null, positive = false): Extent | null {
  let found: Extent | null = null;
  const take = (value: number | null | undefined): void => {
    if (value !== null && value !== undefined && Number.isFinite(value) && (!positive || value > 0))
      found = widen(found, value, value);
  };
  for (const s of series) {
    const [first, last] = indices(s.x, within);
    for (let i = first; i < last; i++) take(s.value[i]);
    if (s.band) {
      const [bandFirst, bandLast] = indices(s.band.x, within);
      for (let i = bandFirst; i < bandLast; i++) {
        take(s.band.min[i]);
        take(s.band.max[i]);
      }
    }
  }
  if (found === null && within !== null) {
    for (const s of series) {
      const at = lowerBound(s.x, within.from);
      take(s.value[at - 1]);
      take(s.value[at]);
    }
  }
  return found;
}

/** How many values a log axis cannot show; a chart says so. */
export function nonPositive(series: readonly PlotSeries[], axis: "x" | "y"): number {
  let count = 0;
  for (const s of series)
    for (const value of axis === "x" ? s.x : s.value) if (value !== null && value <= 0) count += 1;
  return count;
}

/** Where the line stands at x: between its neighbours, else at the one that there is; null without any. */
export function lineAt(xs: readonly number[], values: readonly (number | null)[], x: number): number | null {
  let left = lowerBound(xs, x) - 1;
  while (left >= 0 && values[left] === null) left -= 1;
  let right = lowerBound(xs, x);
  while (right < xs.length && values[right] === null) right += 1;
  const before = left >= 0 ? (values[left] as number) : null;
  const after = right < xs.length ? (values[right] as number) : null;
  if (before === null || after === null) return before ?? after;
  const span = (xs[right] as number) - (xs[left] as number);
  return span === 0 ? after : before + ((after - before) * (x - (xs[left] as number))) / span;
}

/**
 * Old points and what came since. Over ranks what came takes the place of what stood at the same x; else it stands beside
 * it. Null where only the whole can tell: a fold that is thinned out was changed before its end.
 */
export function append(old: PlotSeries, came: PlotSeries, folded = false): PlotSeries | null {
  if (came.x.length === 0 && came.marks.length === 0) return old;
  const last = old.x.length > 0 ? (old.x[old.x.length - 1] as number) : -Infinity;
  const follows = came.x.length === 0 || (came.x[0] as number) > last;
  if (folded && !follows && old.n < old.of) return null;
  const gone = folded && !follows ? new Set(came.x) : null;
  const kept = gone === null ? old.x.map((_, i) => i) : old.x.flatMap((x, i) => (gone.has(x) ? [] : [i]));
  const take = <T>(from: readonly T[]): T[] => (gone === null ? [...from] : kept.map((i) => from[i] as T));
  const x = [...take(old.x), ...came.x];
  const order = follows ? null : x.map((_, i) => i).sort((a, b) => (x[a] as number) - (x[b] as number) || a - b);
  const placed = <T>(before: readonly T[], after: readonly T[]): T[] => {
    const both = [...take(before), ...after];
    return order === null ? both : order.map((i) => both[i] as T);
  };
  return {
    ...old,
    attempt: came.attempt,
    n: kept.length + came.x.length,
    of: old.of - (old.x.length - kept.length) + came.of,
    x: placed(old.x, came.x),
    value: placed(old.value, came.value),
    band: bands(old.band, came.band, gone),
    slowest_rank: old.slowest_rank && came.slowest_rank ? placed(old.slowest_rank, came.slowest_rank) : null,
    marks: [...old.marks.filter((mark) => !gone?.has(mark.x)), ...came.marks].sort((a, b) => a.x - b.x),
    marks_of: old.marks_of + came.marks_of,
  };
}

function bands(old: Band | null, came: Band | null, gone: ReadonlySet<number> | null): Band | null {
  if (old === null || came === null) return old ?? came;
  const kept = old.x.flatMap((x, i) => (gone?.has(x) ? [] : [i]));
  const both = {
    x: [...kept.map((i) => old.x[i] as number), ...came.x],
    min: [...kept.map((i) => old.min[i] ?? null), ...came.min],
    max: [...kept.map((i) => old.max[i] ?? null), ...came.max],
  };
  const order = both.x.map((_, i) => i).sort((a, b) => (both.x[a] as number) - (both.x[b] as number) || a - b);
  return {
    x: order.map((i) => both.x[i] as number),
    min: order.map((i) => both.min[i] ?? null),
    max: order.map((i) => both.max[i] ?? null),
  };
}

/**
 * `y` drawn over the values of another metric `x`: each point of y gets the value that x had last, at or before it.
 * Points before x's first value have no place and are left out; `unplaced` says how many. Both count in the same unit.
 */
export function against(y: PlotSeries, x: PlotSeries): { series: PlotSeries; unplaced: number } {
  const points: { x: number; value: number | null; order: number }[] = [];
  let unplaced = 0;
  const placeAt = (at: number): number | null => {
    let i = lowerBound(x.x, at);
    if (i >= x.x.length || (x.x[i] as number) > at) i -= 1;
    while (i >= 0 && x.value[i] === null) i -= 1;
    return i < 0 ? null : (x.value[i] as number);
  };
  y.x.forEach((at, i) => {
    const place = placeAt(at);
    if (place === null) unplaced += 1;
    else points.push({ x: place, value: y.value[i] ?? null, order: i });
  });
  points.sort((a, b) => a.x - b.x || a.order - b.order);
  const marks: Mark[] = [];
  for (const mark of y.marks) {
    const place = placeAt(mark.x);
    if (place !== null) marks.push({ ...mark, x: place });
  }
  const series = {
    ...y,
    x: points.map((p) => p.x),
    value: points.map((p) => p.value),
    band: null,
    slowest_rank: null,
    marks,
  };
  return { series, unplaced };
}

/** The rank that is named most often as the slowest within a range of x, and how often of how many. */
export function slowest(s: PlotSeries, within: Range | null): { rank: number; times: number; of: number } | null {
  if (!s.slowest_rank) return null;
  const [first, last] = indices(s.x, within);
  const counts = new Map<number, number>();
  let of = 0;
  for (let i = first; i < last; i++) {
    const rank = s.slowest_rank[i];
    if (rank === null || rank === undefined) continue;
    of += 1;
    counts.set(rank, (counts.get(rank) ?? 0) + 1);
  }
  let best: { rank: number; times: number; of: number } | null = null;
  for (const [rank, times] of counts)
    if (best === null || times > best.times || (times === best.times && rank < best.rank)) best = { rank, times, of };
  return best;
}

/** First and one past the last index whose x lies within the range. */
export function indices(xs: ArrayLike<number>, within: Range | null): [number, number] {
  if (within === null) return [0, xs.length];
  const first = lowerBound(xs, within.from);
  let last = lowerBound(xs, within.to);
  while (last < xs.length && (xs[last] as number) === within.to) last += 1;
  return [first, last];
}

function widen(extent: Extent | null, min: number, max: number): Extent {
  return extent === null ? { min, max } : { min: Math.min(extent.min, min), max: Math.max(extent.max, max) };
}

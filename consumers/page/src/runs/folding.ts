/** Many runs' lines as one: the mean, and the band between least and greatest, over the runs that have a value there. */

import type { Series } from "../api";

export interface Folded {
  readonly x: number[];
  readonly mean: (number | null)[];
  readonly min: (number | null)[];
  readonly max: (number | null)[];
}

/** On `places` even places from the first x of all to the last. Between two points of a run its line is straight; before
 * its first and after its last, and across what is not finite, it has no value. */
export function folded(lines: readonly Pick<Series, "x" | "value">[], places = 200): Folded {
  const from = Math.min(...lines.flatMap((line) => line.x.slice(0, 1)));
  const to = Math.max(...lines.flatMap((line) => line.x.slice(-1)));
  const empty: Folded = { x: [], mean: [], min: [], max: [] };
  if (!Number.isFinite(from) || !Number.isFinite(to)) return empty;
  const n = from === to ? 1 : places;
  for (let at = 0; at < n; at++) {
    const x = n === 1 ? from : from + ((to - from) * at) / (n - 1);
    const values = lines.map((line) => valueAt(line, x)).filter((value) => value !== null);
    empty.x.push(x);
    const some = values.length > 0;
    empty.mean.push(some ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
    empty.min.push(some ? Math.min(...values) : null);
    empty.max.push(some ? Math.max(...values) : null);
  }
  return empty;
}

function valueAt(line: Pick<Series, "x" | "value">, x: number): number | null {
  let low = 0;
  let high = line.x.length - 1;
  if (high < 0 || x < (line.x[0] as number) || x > (line.x[high] as number)) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((line.x[middle] as number) <= x) low = middle;
    else high = middle;
  }
  const [a, b] = [line.x[low] as number, line.x[high] as number];
  const [left, right] = [line.value[low], line.value[high]];
  if (x === a) return typeof left === "number" ? left : null;
  if (x === b) return typeof right === "number" ? right : null;
  if (typeof left !== "number" || typeof right !== "number") return null;
  return left + ((right - left) * (x - a)) / (b - a);
}

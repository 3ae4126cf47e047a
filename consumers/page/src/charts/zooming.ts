/** Ranges of x that keys and pointers ask for. Pure. */

import { lowerBound, type Range } from "./data";

/** The range made smaller (factor < 1) or larger around a place; on a log axis by its factor there. */
export function zoomed(range: Range, around: number, factor: number, log: boolean): Range {
  if (log && range.from > 0 && around > 0) {
    const from = Math.log(range.from);
    const to = Math.log(range.to);
    const at = Math.log(around);
    return { from: Math.exp(at - (at - from) * factor), to: Math.exp(at + (to - at) * factor) };
  }
  return { from: around - (around - range.from) * factor, to: around + (range.to - around) * factor };
}

/** The range within bounds; null where it is all of them, which is no zoom. */
export function bounded(range: Range, bounds: Range): Range | null {
  const from = Math.max(range.from, bounds.from);
  const to = Math.min(range.to, bounds.to);
  if (!(from < to)) return null;
  return from <= bounds.from && to >= bounds.to ? null : { from, to };
}

/** Next x to stop at from a place, some points on in a direction; the first or last one beyond the ends. */
export function nextStop(xs: readonly number[], from: number | null, by: number): number | null {
  if (xs.length === 0) return null;
  if (from === null) return (by > 0 ? xs[0] : xs[xs.length - 1]) as number;
  const at = lowerBound(xs, from);
  const exact = xs[at] === from;
  const target = by > 0 ? at + by - (exact ? 0 : 1) : at + by;
  return xs[Math.min(Math.max(target, 0), xs.length - 1)] as number;
}

/** As a URL holds it: `from..to`. */
export function encodeRange(range: Range | null): string {
  return range === null ? "" : `${trimmed(range.from)}..${trimmed(range.to)}`;
}

/** What a URL holds, or null. */
export function decodeRange(text: string | null | undefined): Range | null {
  const [a, b, more] = (text ?? "").split("..");
  const from = Number(a);
  const to = Number(b);
  return more === undefined && a && b && Number.isFinite(from) && Number.isFinite(to) && from < to
    ? { from, to }
    : null;
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(12)));
}

/** Smoothing of a line. The raw line is always drawn behind: a smoothed value is an opinion about it. */

export type Smoothing = { kind: "none" } | { kind: "ema"; weight: number } | { kind: "mean"; window: number };

export const WEIGHT_MAX = 0.999;
export const WINDOW_MAX = 10_001;

/** Values smoothed as asked; null stays null, and nothing is smoothed across it into it. */
export function smoothed(values: readonly (number | null)[], by: Smoothing): (number | null)[] {
  if (by.kind === "ema") return ema(values, by.weight);
  if (by.kind === "mean") return runningMean(values, by.window);
  return [...values];
}

/**
 * Exponential moving average without the pull towards zero at its start: the first value is itself.
 *
 * `weight` in [0, 1): how much of the past is kept at each point.
 */
export function ema(values: readonly (number | null)[], weight: number): (number | null)[] {
  const kept = Math.min(Math.max(weight, 0), WEIGHT_MAX);
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * kept + (1 - kept) * value;
    norm = norm * kept + (1 - kept);
    return sum / norm;
  });
}

/** Mean over a centred window of `window` points (made odd); at the ends over those that there are. */
export function runningMean(values: readonly (number | null)[], window: number): (number | null)[] {
  const half = Math.floor(Math.min(Math.max(Math.round(window), 1), WINDOW_MAX) / 2);
  const sums = new Float64Array(values.length + 1);
  const counts = new Int32Array(values.length + 1);
  // Sums are of differences to the first value: a mean of large, nearly equal values keeps its digits.
  const origin = values.find((value) => value !== null) ?? 0;
  values.forEach((value, i) => {
    sums[i + 1] = (sums[i] as number) + (value === null ? 0 : value - origin);
    counts[i + 1] = (counts[i] as number) + (value === null ? 0 : 1);
  });
  return values.map((value, i) => {
    if (value === null) return null;
    const first = Math.max(0, i - half);
    const last = Math.min(values.length, i + half + 1);
    return (
      origin +
      ((sums[last] as number) - (sums[first] as number)) / ((counts[last] as number) - (counts[first] as number))
    );
  });
}

/** As a URL holds it: `ema:0.9`, `mean:21`; the empty text for none. */
export function encodeSmoothing(by: Smoothing): string {
  if (by.kind === "ema") return `ema:${by.weight}`;
  if (by.kind === "mean") return `mean:${by.window}`;
  return "";
}

/** What a URL holds; what makes no sense is no smoothing. */
export function decodeSmoothing(text: string | null | undefined): Smoothing {
  const [kind, number] = (text ?? "").split(":");
  const value = Number(number);
  if (!Number.isFinite(value) || value <= 0) return { kind: "none" };
  if (kind === "ema") return { kind, weight: Math.min(value, WEIGHT_MAX) };
  if (kind === "mean") return { kind, window: Math.min(Math.round(value), WINDOW_MAX) };
  return { kind: "none" };
}

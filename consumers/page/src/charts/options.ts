/**
 * What uPlot is told, made of plain data: layers (one line each), scales, axes.
 *
 * uPlot runs in its mode 2: each line has its own x, so 200 runs with different steps need no common, mostly empty
 * table. Ranges are ours (`ranges`), since marks and bands count too.
 */

import type uPlot from "uplot";
import { type Extent, type PlotSeries, type Range, xExtent, yExtent } from "./data";
import { type Smoothing, smoothed } from "./smoothing";
import { duration, short } from "./wording";

export interface XAxis {
  kind: "step" | "relative" | "time" | "ordinal" | "metric";
  label: string;
}

/** A line as it is drawn: the raw one, and before its eyes a smoothed one. */
export interface Layer {
  series: number;
  what: "raw" | "smoothed";
  x: number[];
  value: (number | null)[];
}

export interface Look {
  text: string;
  muted: string;
  grid: string;
  background: string;
  font: string;
}

export const RAW_BEHIND_ALPHA = 0.28;
export const POINTS_UP_TO = 60;

/** Lines in drawing order: all raw ones, then the smoothed ones above them. Raw is never left out. */
export function layers(series: readonly PlotSeries[], smoothing: Smoothing, xLog: boolean, yLog: boolean): Layer[] {
  const made: Layer[] = series.map((s, i) => {
    const [x, value] = shown(s.x, s.value, xLog, yLog);
    return { series: i, what: "raw", x, value };
  });
  if (smoothing.kind !== "none")
    series.forEach((s, i) => {
      const [x, value] = shown(s.x, smoothed(s.value, smoothing), xLog, yLog);
      made.push({ series: i, what: "smoothed", x, value });
    });
  return made;
}

/** What an axis can show: on a log axis, what is not positive becomes a gap (value) or is left out (x). */
function shown(
  x: number[],
  value: readonly (number | null)[],
  xLog: boolean,
  yLog: boolean,
): [number[], (number | null)[]] {
  const values = yLog ? value.map((v) => (v !== null && v > 0 ? v : null)) : [...value];
  if (!xLog) return [x, values];
  const first = x.findIndex((at) => at > 0);
  return first < 0 ? [[], []] : [x.slice(first), values.slice(first)];
}

/** Data in uPlot's mode 2; an empty line where there is none, since it needs at least one. */
export function plotData(of: readonly Layer[]): uPlot.AlignedData {
  const lines = of.length > 0 ? of.map((layer) => [layer.x, layer.value]) : [[[], []]];
  return [null, ...lines] as unknown as uPlot.AlignedData;
}

/** Ranges of both axes: x as zoomed or all of it, y of what is visible there with a little air. */
export function ranges(
  series: readonly PlotSeries[],
  zoom: Range | null,
  yZoom: Range | null,
  xLog: boolean,
  yLog: boolean,
): { x: Extent; y: Extent } {
  const all = xExtent(series, xLog);
  const x = zoom ? { min: zoom.from, max: zoom.to } : padded(all, 0, xLog);
  if (xLog && x.min <= 0) x.min = all ? Math.min(all.min, x.max / 10) : x.max / 10;
  const y = yZoom ? { min: yZoom.from, max: yZoom.to } : padded(yExtent(series, zoom, yLog), 0.06, yLog);
  return { x, y };
}

function padded(extent: Extent | null, air: number, log: boolean): Extent {
  if (extent === null) return log ? { min: 1, max: 10 } : { min: 0, max: 1 };
  const { min, max } = extent;
  if (log) {
    const by = min === max ? 10 : Math.max(1, (max / min) ** air);
    return { min: min / by, max: max * by };
  }
  if (min === max) {
    const by = min === 0 ? 1 : Math.abs(min) * 0.1;
    return { min: min - by, max: max + by };
  }
  const by = (max - min) * air;
  return { min: min - by, max: max + by };
}

/** Labels of the x axis: numbers, durations, or moments. */
export function xText(axis: XAxis, value: number): string {
  if (axis.kind === "relative") return duration(value);
  if (axis.kind === "time") return clock(value, true);
  return short(value, 7);
}

function clock(seconds: number, day: boolean): string {
  const at = new Date(seconds * 1000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return day ? `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}` : time;
}

export interface Asked {
  width: number;
  height: number;
  layers: readonly Layer[];
  axis: XAxis;
  xLog: boolean;
  yLog: boolean;
  /** Asked at each drawing, so that colours, hover and theme need no new chart. */
  stroke: (layer: number) => string;
  lineWidth: (layer: number) => number;
  look: () => Look;
  ranges: () => { x: Extent; y: Extent };
  hooks: uPlot.Hooks.Arrays;
}

/** Options of a chart. What changes while it lives is read through the functions in `asked`. */
export function plotOptions(asked: Asked): uPlot.Options {
  const line = (layer: number): uPlot.Series =>
    ({
      facets: [
        { scale: "x", auto: false, sorted: 1 },
        { scale: "y", auto: false },
      ],
      stroke: () => asked.stroke(layer),
      width: asked.lineWidth(layer),
      pxAlign: 0, // rounded lines would pass beside their points
      points: { show: false },
    }) as uPlot.Series;
  const count = Math.max(1, asked.layers.length);
  const axis = (extra: uPlot.Axis): uPlot.Axis => ({
    stroke: () => asked.look().muted,
    font: `11px ${asked.look().font}`,
    labelFont: `11px ${asked.look().font}`,
    grid: { stroke: () => asked.look().grid, width: 1 },
    ticks: { stroke: () => asked.look().grid, width: 1, size: 4 },
    gap: 4,
    ...extra,
  });
  const scale = (log: boolean, key: "x" | "y"): uPlot.Scale => ({
    time: false,
    auto: true,
    distr: log ? 3 : 1,
    log: 10,
    range: () => {
      const { min, max } = asked.ranges()[key];
      return [min, max];
    },
  });
  return {
    mode: 2,
    width: asked.width,
    height: asked.height,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: {
      dataIdx: () => null as unknown as number,
      points: { show: false },
      drag: { x: true, y: true, uni: 24, dist: 4, setScale: false },
      bind: { dblclick: () => null },
      focus: { prox: -1 },
    },
    scales: {
      x: scale(asked.xLog, "x"),
      y: scale(asked.yLog, "y"),
    },
    axes: [
      axis({
        scale: "x",
        size: 26,
        space: asked.axis.kind === "time" ? 78 : asked.axis.kind === "relative" ? 64 : 48,
        values: (_: uPlot, splits: number[]) =>
          asked.xLog && asked.axis.kind !== "time"
            ? logTicks(splits)
            : splits.map((v) => (v === null ? "" : tick(asked.axis, v, splits))),
      }),
      axis({
        scale: "y",
        size: (_: uPlot, values: string[] | null) =>
          14 + 6.4 * Math.max(3, ...(values ?? []).map((text) => (text ?? "").length)),
        space: 26,
        values: (_: uPlot, splits: (number | null)[]) => (asked.yLog ? logTicks(splits) : ticks(splits)),
      }),
    ],
    series: [null, ...Array.from({ length: count }, (_, i) => line(i))] as unknown as uPlot.Series[],
    hooks: asked.hooks,
  };
}

function tick(axis: XAxis, value: number, all: readonly number[]): string {
  if (axis.kind === "relative") return duration(value);
  if (axis.kind === "time") {
    const span = (all[all.length - 1] ?? 0) - (all[0] ?? 0);
    return span > 86_400 ? clock(value, true).slice(5, 16) : clock(value, false);
  }
  return ticks(all)[all.indexOf(value)] ?? short(value, 6);
}

/** Labels of a log axis: of the tens, and of two and five between; the ends of the axis are no ticks. */
export function logTicks(splits: readonly (number | null)[]): string[] {
  return splits.map((v) => {
    if (v === null || v <= 0) return "";
    const first = v / 10 ** Math.floor(Math.log10(v) + 1e-9);
    return [1, 2, 5].some((digit) => Math.abs(first - digit) < 1e-6) ? short(v, 3) : "";
  });
}

/** Labels of ticks with as many digits as tell neighbours apart, alike for all. */
export function ticks(splits: readonly (number | null)[]): string[] {
  const real = splits.filter((v): v is number => v !== null);
  const size = Math.max(0, ...real.map(Math.abs));
  const step = real.length > 1 ? Math.min(...real.slice(1).map((v, i) => Math.abs(v - (real[i] as number)))) : size;
  const evenly =
    real.length < 3 || real.every((v, i) => i === 0 || Math.abs(v - (real[i - 1] as number) - step) < step * 1e-3);
  if (!evenly) return splits.map((v) => (v === null ? "" : short(v, 4)));
  const unit = step > 0 ? lastDigit(step) : Math.floor(Math.log10(size || 1)) - 2;
  return splits.map((v) => {
    if (v === null) return "";
    if (v === 0) return "0";
    if (size >= 1e5 || size < 1e-3) {
      const digits = Math.floor(Math.log10(Math.abs(v)) + 1e-9) - unit;
      return v.toExponential(Math.min(Math.max(digits, 0), 12)).replace("e+", "e");
    }
    return v.toFixed(Math.min(Math.max(-unit, 0), 12));
  });
}

/** Power of ten of the last digit that a step needs: -2 for 0.05, -3 for 0.025, 4 for 20,000. */
function lastDigit(step: number): number {
  const power = Math.floor(Math.log10(step) + 1e-9);
  const digits = step / 10 ** power;
  return Math.abs(digits - Math.round(digits)) < 1e-6 ? power : power - 1;
}

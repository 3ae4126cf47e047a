/** What is drawn beside uPlot's lines: bands, single points, marks of what is not finite, and the cursor's points. */

import type uPlot from "uplot";
import { lineAt, nearest, type PlotSeries, type Range } from "./data";
import { type Layer, POINTS_UP_TO } from "./options";

export interface Drawn {
  series: readonly PlotSeries[];
  layers: readonly Layer[];
  /** 0..1: how strongly a series is drawn (hover dims the others). */
  strength: (series: number) => number;
  xLog: boolean;
  yLog: boolean;
}

const BAND_ALPHA = 0.16;

/** Bands lie below all lines. */
export function drawBands(u: uPlot, drawn: Drawn): void {
  const context = u.ctx;
  inside(u, () => {
    drawn.series.forEach((s, i) => {
      if (!s.band || s.band.x.length === 0) return;
      const band = s.band;
      context.globalAlpha = BAND_ALPHA * drawn.strength(i);
      context.fillStyle = s.colour;
      for (const [first, last] of runs(band.min, band.max, drawn.yLog)) {
        context.beginPath();
        for (let j = first; j < last; j++) context.lineTo(px(u, band.x[j] as number), py(u, band.max[j] as number));
        for (let j = last - 1; j >= first; j--)
          context.lineTo(
            px(u, band.x[j] as number),
            py(u, clampLow(band.min[j] as number, band.max[j] as number, drawn.yLog)),
          );
        context.closePath();
        context.fill();
        if (last - first === 1) {
          const x = px(u, band.x[first] as number);
          context.fillRect(
            x - 1,
            py(u, band.max[first] as number),
            2,
            py(u, band.min[first] as number) - py(u, band.max[first] as number),
          );
        }
      }
    });
  });
}

/** First and one past the last index of each stretch without a gap. */
function runs(min: readonly (number | null)[], max: readonly (number | null)[], yLog: boolean): [number, number][] {
  const found: [number, number][] = [];
  let first = -1;
  for (let i = 0; i <= max.length; i++) {
    const there = i < max.length && min[i] !== null && max[i] !== null && (!yLog || (max[i] as number) > 0);
    if (there && first < 0) first = i;
    if (!there && first >= 0) {
      found.push([first, i]);
      first = -1;
    }
  }
  return found;
}

function clampLow(min: number, max: number, yLog: boolean): number {
  return yLog && min <= 0 ? max / 1e3 : min;
}

/** Points where they are few, or where a line cannot show them: alone between two gaps. */
export function drawPoints(u: uPlot, drawn: Drawn, pixels: number): void {
  const context = u.ctx;
  inside(u, () => {
    for (const layer of drawn.layers) {
      if (layer.what === "smoothed") continue;
      const s = drawn.series[layer.series] as PlotSeries;
      const all = layer.x.length <= POINTS_UP_TO;
      context.globalAlpha = drawn.strength(layer.series) * (drawn.layers.length > drawn.series.length ? 0.5 : 1);
      context.fillStyle = s.colour;
      layer.value.forEach((value, i) => {
        if (value === null) return;
        const alone = (layer.value[i - 1] ?? null) === null && (layer.value[i + 1] ?? null) === null;
        if (!all && !alone) return;
        context.beginPath();
        context.arc(px(u, layer.x[i] as number), py(u, value), (alone ? 2.4 : 1.9) * pixels, 0, 2 * Math.PI);
        context.fill();
      });
    }
  });
}

/**
 * NaN stands as a cross on the line, where its neighbours put it; +inf as a triangle at the top edge, -inf at the bottom.
 * Returns where each was drawn, in CSS pixels, so that a pointer can be told what it is over.
 */
export function drawMarks(u: uPlot, drawn: Drawn, pixels: number): { x: number; y: number; value: string }[] {
  const context = u.ctx;
  const places: { x: number; y: number; value: string }[] = [];
  const { left, top, width, height } = u.bbox;
  const r = 3.6 * pixels;
  drawn.series.forEach((s, i) => {
    const layer = drawn.layers[i];
    if (!layer) return;
    let lastX = -Infinity;
    let lastValue = "";
    context.globalAlpha = Math.max(0.35, drawn.strength(i));
    for (const mark of s.marks) {
      if (drawn.xLog && mark.x <= 0) continue;
      const x = px(u, mark.x);
      if (x < left - 0.5 || x > left + width + 0.5) continue;
      if (mark.value === lastValue && x - lastX < r) continue; // a thousand in a row are one stroke of them
      lastX = x;
      lastValue = mark.value;
      const line = lineAt(layer.x, layer.value, mark.x);
      const onLine = line === null ? top + height / 2 : py(u, line);
      const y =
        mark.value === "NaN"
          ? Math.min(Math.max(onLine, top + r), top + height - r)
          : mark.value === "Infinity"
            ? top + r + 1
            : top + height - r - 1;
      context.strokeStyle = s.colour;
      context.fillStyle = s.colour;
      context.lineWidth = 1.7 * pixels;
      context.beginPath();
      if (mark.value === "NaN") {
        context.moveTo(x - r, y - r);
        context.lineTo(x + r, y + r);
        context.moveTo(x + r, y - r);
        context.lineTo(x - r, y + r);
        context.stroke();
      } else {
        const up = mark.value === "Infinity" ? -1 : 1;
        context.moveTo(x, y + up * r);
        context.lineTo(x - r, y - up * r);
        context.lineTo(x + r, y - up * r);
        context.closePath();
        context.fill();
      }
      places.push({ x: (x - left) / pixels, y: (y - top) / pixels, value: mark.value });
    }
  });
  context.globalAlpha = 1;
  return places;
}

/** Where each line stands at the cursor: index into its points, or -1 where it has none near. */
export function atCursor(layers: readonly Layer[], x: number, near: number): number[] {
  return layers.map((layer) => {
    const best = nearest(layer.x, x);
    if (best < 0) return -1;
    const first = layer.x[0] as number;
    const last = layer.x[layer.x.length - 1] as number;
    return x < first - near || x > last + near ? -1 : best;
  });
}

/** The line nearest to the pointer, by height in pixels; null when none is within `reach`. */
export function lineUnder(
  u: uPlot,
  layers: readonly Layer[],
  at: readonly number[],
  top: number,
  reach: number,
): number | null {
  let best: number | null = null;
  let distance = reach;
  layers.forEach((layer, i) => {
    const value = (at[i] ?? -1) >= 0 ? layer.value[at[i] as number] : null;
    if (value === null || value === undefined) return;
    const apart = Math.abs(u.valToPos(value, "y") - top);
    if (apart < distance) {
      best = layer.series;
      distance = apart;
    }
  });
  return best;
}

/** A range of x from a selection in CSS pixels, or null for one too narrow to be meant. */
export function selected(u: uPlot): { x: Range | null; y: Range | null } {
  const { left, top, width, height } = u.select;
  const whole = u.over.clientHeight;
  const x = width > 3 ? { from: u.posToVal(left, "x"), to: u.posToVal(left + width, "x") } : null;
  const y = height > 3 && height < whole - 1 ? { from: u.posToVal(top + height, "y"), to: u.posToVal(top, "y") } : null;
  return { x, y };
}

function px(u: uPlot, x: number): number {
  return u.valToPos(x, "x", true);
}

function py(u: uPlot, y: number): number {
  return u.valToPos(y, "y", true);
}

function inside(u: uPlot, draw: () => void): void {
  const context = u.ctx;
  const { left, top, width, height } = u.bbox;
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  draw();
  context.restore();
}

/** Scatter and parallel coordinates as shapes. Pure. */

import type { FoundRun } from "../../api";
import type { Look } from "../../charts/options";
import { labelOf } from "../../runs/refs";
import { nameOf, textOf, valueAt } from "../../runs/wording";
import { type Scale, scaleOf } from "./scales";
import type { Shape } from "./shapes";

export const MARGIN = { left: 76, right: 34, top: 34, bottom: 42 } as const;

/** Ranges of an axis that are kept: from and to, each from 0 to 1. */
export type Brushes = Readonly<Record<string, readonly [number, number]>>;

export interface Drawing {
  readonly shapes: readonly Shape[];
  /** Runs with a place in it. */
  readonly n: number;
}

export function scatter(
  runs: readonly FoundRun[],
  [x, y]: readonly [string, string],
  [width, height]: readonly [number, number],
  look: Look,
  colour: (run_id: string) => string,
): Drawing {
  const across = scaleOf(
    x,
    runs.map((run) => valueAt(run, x)),
  );
  const up = scaleOf(
    y,
    runs.map((run) => valueAt(run, y)),
  );
  const px = (at: number) => MARGIN.left + at * (width - MARGIN.left - MARGIN.right);
  const py = (at: number) => height - MARGIN.bottom - at * (height - MARGIN.top - MARGIN.bottom);
  const shapes: Shape[] = [];
  for (const tick of across.ticks) {
    shapes.push({
      kind: "line",
      points: [
        [px(tick.at), py(0) + 4],
        [px(tick.at), py(1)],
      ],
      colour: look.grid,
      width: 1,
    });
    shapes.push({
      kind: "text",
      x: px(tick.at),
      y: py(0) + 18,
      text: cut(tick.text, 14),
      colour: look.muted,
      anchor: "middle",
    });
  }
  for (const tick of up.ticks) {
    shapes.push({
      kind: "line",
      points: [
        [px(0) - 4, py(tick.at)],
        [px(1), py(tick.at)],
      ],
      colour: look.grid,
      width: 1,
    });
    shapes.push({
      kind: "text",
      x: px(0) - 8,
      y: py(tick.at) + 4,
      text: cut(tick.text, 10),
      colour: look.muted,
      anchor: "end",
    });
  }
  shapes.push({
    kind: "text",
    x: px(1),
    y: height - 6,
    text: labelOf(x),
    colour: look.text,
    anchor: "end",
    strong: true,
  });
  shapes.push({ kind: "text", x: 8, y: 16, text: labelOf(y), colour: look.text, anchor: "start", strong: true });
  let n = 0;
  for (const run of runs) {
    const [a, b] = [across.at(valueAt(run, x)), up.at(valueAt(run, y))];
    if (a === null || b === null) continue;
    n += 1;
    const title = `${nameOf(run)}\n${labelOf(x)}: ${textOf(x, valueAt(run, x))}\n${labelOf(y)}: ${textOf(y, valueAt(run, y))}`;
    shapes.push({ kind: "dot", x: px(a), y: py(b), r: 5, colour: colour(run.run_id), run_id: run.run_id, title });
  }
  return { shapes, n };
}

export interface Axis {
  readonly scale: Scale;
  readonly x: number;
}

export interface Parallel extends Drawing {
  readonly axes: readonly Axis[];
  /** Runs inside all brushes. */
  readonly kept: readonly string[];
}

export function parallel(
  runs: readonly FoundRun[],
  refs: readonly string[],
  brushes: Brushes,
  [width, height]: readonly [number, number],
  look: Look,
  colour: (run_id: string) => string,
): Parallel {
  const span = width - MARGIN.left - MARGIN.right;
  const axes = refs.map((ref, at) => ({
    scale: scaleOf(
      ref,
      runs.map((run) => valueAt(run, ref)),
    ),
    x: MARGIN.left + (refs.length === 1 ? span / 2 : (at / (refs.length - 1)) * span),
  }));
  const py = (at: number) => height - MARGIN.bottom - at * (height - MARGIN.top - MARGIN.bottom);
  const kept: string[] = [];
  const lines: Shape[] = [];
  for (const run of runs) {
    const places = axes.map(({ scale, x }) => ({ x, at: scale.at(valueAt(run, scale.ref)), ref: scale.ref }));
    const inside = places.every(({ at, ref }) => {
      const brush = brushes[ref];
      return brush === undefined || (at !== null && at >= brush[0] - 1e-9 && at <= brush[1] + 1e-9);
    });
    if (inside) kept.push(run.run_id);
    // A line leads over the axes where the run has a value; what it has not is a gap.
    for (const part of unbroken(places)) {
      const points = part.map(({ x, at }) => [x, py(at)] as const);
      if (points.length > 1)
        lines.push({
          kind: "line",
          points,
          colour: colour(run.run_id),
          width: 1.5,
          faint: !inside,
          run_id: run.run_id,
        });
      else
        for (const [x, y] of points)
          lines.push({ kind: "dot", x, y, r: 3, colour: colour(run.run_id), faint: !inside, run_id: run.run_id });
    }
  }
  const shapes: Shape[] = [...lines];
  axes.forEach(({ scale, x }, at) => {
    shapes.push({
      kind: "line",
      points: [
        [x, py(0)],
        [x, py(1)],
      ],
      colour: look.muted,
      width: 1,
    });
    const anchor = at === 0 && refs.length > 1 ? "start" : at === refs.length - 1 && refs.length > 1 ? "end" : "middle";
    shapes.push({
      kind: "text",
      x: anchor === "start" ? 8 : anchor === "end" ? width - 8 : x,
      y: 16,
      text: cut(labelOf(scale.ref), 24),
      colour: look.text,
      anchor,
      strong: true,
    });
    for (const tick of scale.ticks) {
      shapes.push({
        kind: "text",
        x: x - 6,
        y: py(tick.at) + 4,
        text: cut(tick.text, 10),
        colour: look.muted,
        anchor: "end",
      });
    }
  });
  return { shapes, n: runs.length, axes, kept };
}

function unbroken<T extends { at: number | null }>(places: readonly T[]): (T & { at: number })[][] {
  const parts: (T & { at: number })[][] = [[]];
  for (const place of places) {
    if (place.at === null) parts.push([]);
    else parts[parts.length - 1]?.push(place as T & { at: number });
  }
  return parts.filter((part) => part.length > 0);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

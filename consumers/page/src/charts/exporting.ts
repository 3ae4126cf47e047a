/** What leaves a chart: CSV with every digit, PNG with its legend. Pure but for `save` and `picture`. */

import { keyOf, type PlotSeries } from "./data";
import { type Smoothing, smoothed } from "./smoothing";

/** A field of CSV (RFC 4180): quoted where it must be. Null is empty. */
export function field(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "number" ? number(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Lines of CSV with a head; lines end in CRLF as RFC 4180 has it. */
export function csv(head: readonly string[], rows: Iterable<readonly unknown[]>): string {
  const lines = [head.map(field).join(",")];
  for (const row of rows) lines.push(row.map(field).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

/**
 * All data that a chart shows, a row a point: those that are not finite too (as NaN, Infinity, -Infinity), bands in rows
 * of their own, and the smoothed value where there is one. `x` is called what the axis is called.
 */
export function seriesCsv(
  series: readonly PlotSeries[],
  xLabel: string,
  smoothing: Smoothing = { kind: "none" },
): string {
  const head = ["run_id", "metric", "column", "rank", "attempt", "what", xLabel, "value", "min", "max", "slowest_rank"];
  const withSmoothed = smoothing.kind !== "none";
  if (withSmoothed) head.push("smoothed");
  const rows: unknown[][] = [];
  for (const s of series) {
    const of = [s.run_id, s.metric, s.column, s.rank, s.attempt];
    const smooth = withSmoothed ? smoothed(s.value, smoothing) : null;
    s.x.forEach((x, i) => {
      const value = s.value[i] ?? null;
      if (value === null) return;
      rows.push([...of, "point", x, value, null, null, s.slowest_rank?.[i] ?? null, ...(smooth ? [smooth[i]] : [])]);
    });
    for (const mark of s.marks)
      rows.push([...of, "point", mark.x, mark.value, null, null, null, ...(smooth ? [null] : [])]);
    s.band?.x.forEach((x, i) => {
      rows.push([
        ...of,
        "band",
        x,
        null,
        s.band?.min[i] ?? null,
        s.band?.max[i] ?? null,
        null,
        ...(smooth ? [null] : []),
      ]);
    });
  }
  return csv(head, rows);
}

/** All points as the server gave them, unsampled, with their step and time: what it told of, not what a chart makes of it. */
export function unsampledCsv(series: readonly Unsampled[]): string {
  const head = ["run_id", "metric", "column", "rank", "attempt", "step", "time", "value"];
  const rows: unknown[][] = [];
  for (const s of series) {
    const marks = [...s.marks].sort((a, b) => a.x - b.x);
    let next = 0;
    s.x.forEach((x, i) => {
      let value: unknown = s.value[i] ?? null;
      if (value === null && marks[next]?.x === x) value = marks[next++]?.value;
      rows.push([s.run_id, s.metric, s.column, s.rank, s.attempt, s.step?.[i] ?? x, s.time?.[i] ?? null, value]);
    });
  }
  return csv(head, rows);
}

export interface Unsampled {
  readonly run_id: string;
  readonly metric: string;
  readonly column: string | null;
  readonly rank: number | null;
  readonly attempt: number | null;
  readonly x: readonly number[];
  readonly value: readonly unknown[];
  readonly step?: readonly (number | null)[] | null;
  readonly time?: readonly (number | null)[] | null;
  readonly marks: readonly { readonly x: number; readonly value: string }[];
  readonly marks_of: number;
}

/** A file name from a title: letters, digits, dot, dash and underscore. */
export function fileName(title: string, extension: string): string {
  const stem = title
    .replace(/[^\p{L}\p{N}._-]+/gu, "_")
    .replace(/^[._]+|_+$/g, "")
    .slice(0, 120);
  return `${stem || "chart"}.${extension}`;
}

/** Gives a file to the browser. */
export function save(name: string, body: Blob | string, type = "text/csv;charset=utf-8"): void {
  const blob = typeof body === "string" ? new Blob([body], { type }) : body;
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export interface Caption {
  title: string;
  legend: { label: string; colour: string }[];
  foot: string;
  background: string;
  text: string;
  muted: string;
  font: string;
}

/** Legend of a picture: one entry a label, in the order of the series. */
export function legendOf(series: readonly PlotSeries[]): { label: string; colour: string }[] {
  const seen = new Map<string, { label: string; colour: string }>();
  for (const s of series) seen.set(keyOf(s), { label: s.label, colour: s.colour });
  return [...seen.values()];
}

/** The canvas of a chart with its title above, its legend and what it says of itself below. */
export async function picture(plot: HTMLCanvasElement, scale: number, caption: Caption): Promise<Blob> {
  const line = 18 * scale;
  const pad = 12 * scale;
  const made = document.createElement("canvas");
  const context = made.getContext("2d");
  if (!context) throw new Error("This browser gives no 2D canvas: no picture can be made of the chart.");
  const font = (size: number, weight = 400): string => `${weight} ${size * scale}px ${caption.font}`;
  context.font = font(12);
  const rows: { label: string; colour: string }[][] = [[]];
  let used = 0;
  for (const entry of caption.legend) {
    const wide = context.measureText(entry.label).width + 28 * scale;
    if (used > 0 && used + wide > plot.width - 2 * pad) {
      rows.push([]);
      used = 0;
    }
    (rows[rows.length - 1] as { label: string; colour: string }[]).push(entry);
    used += wide;
  }
  made.width = plot.width + 2 * pad;
  made.height = plot.height + line * (2.5 + rows.length) + 2 * pad;
  context.fillStyle = caption.background;
  context.fillRect(0, 0, made.width, made.height);
  context.textBaseline = "middle";
  context.fillStyle = caption.text;
  context.font = font(14, 600);
  context.fillText(caption.title, pad, pad + line / 2);
  context.drawImage(plot, pad, pad + line * 1.25);
  let y = pad + line * 1.75 + plot.height;
  context.font = font(12);
  for (const row of rows) {
    let x = pad;
    for (const entry of row) {
      context.fillStyle = entry.colour;
      context.fillRect(x, y - 1.5 * scale, 14 * scale, 3 * scale);
      context.fillStyle = caption.text;
      context.fillText(entry.label, x + 18 * scale, y);
      x += context.measureText(entry.label).width + 28 * scale;
    }
    y += line;
  }
  context.fillStyle = caption.muted;
  context.fillText(caption.foot, pad, y);
  return new Promise((resolve, reject) =>
    made.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("The browser made no PNG of the canvas."))),
      "image/png",
    ),
  );
}

function number(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

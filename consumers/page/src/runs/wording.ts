/** Values of runs as the page writes them. */

import type { FoundRun, Value } from "../api";
import { duration, moment, short } from "../charts/wording";

const FIELDS = {
  created: "created_at",
  started: "started_at",
  ended: "ended_at",
  parent: "parent_run_id",
  status: "status",
  experiment: "experiment",
  run_id: "run_id",
  name: "name",
  number: "number",
  attempt: "attempt",
} as const satisfies Record<string, keyof FoundRun>;

export type RowField = keyof typeof FIELDS;

/** Whether a row carries it anyway, so that it need not be asked for as a column. */
export function isRowField(ref: string): ref is RowField {
  return Object.hasOwn(FIELDS, ref);
}

/** The value of a ref in a row; null where the run has none. */
export function valueAt(run: FoundRun, ref: string): Value {
  return isRowField(ref) ? run[FIELDS[ref]] : (run.values[ref] ?? null);
}

/** A number of a value, where it is one: the three that JSON has not come as text. */
export function numberOf(value: Value): number | null {
  if (typeof value === "number") return value;
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? Number(value) : null;
}

/** What a run is called: its name, else its number in the experiment, else its id. */
export function nameOf(run: Pick<FoundRun, "run_id" | "name" | "number">): string {
  return run.name || (run.number === null ? run.run_id : `run ${run.number}`);
}

const TIMES = new Set(["created", "started", "ended"]);

/** Text of a value under a ref. Nothing is "–" to the eye and "" here. */
export function textOf(ref: string, value: Value): string {
  if (value === null) return "";
  if (TIMES.has(ref) && typeof value === "string") return moment(value);
  if (ref === "duration_s" && typeof value === "number") return duration(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (ref.startsWith("metric.")) {
    const number = numberOf(value);
    return number === null ? String(value) : short(number);
  }
  return String(value);
}

/** How long ago: "now", "12 s", "4 min", "3 h", "5 d", then the date. */
export function ago(iso: string, now_ms: number): string {
  const s = (now_ms - Date.parse(iso)) / 1000;
  if (!Number.isFinite(s)) return iso;
  if (s < 5) return "now";
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  if (s < 30 * 86_400) return `${Math.floor(s / 86_400)} d ago`;
  return moment(iso).slice(0, 10);
}

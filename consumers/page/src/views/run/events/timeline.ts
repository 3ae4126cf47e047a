/** The timeline's rows: what is filtered, and what is said of an event in a line. Pure. */

import type { Happening } from "../api";

export interface Filter {
  readonly q: string;
  readonly verdict: string;
  readonly event: string;
  readonly writer: string;
}

const ENVELOPE = [
  "aggregate_kind",
  "aggregate_id",
  "writer_id",
  "ordinal",
  "first_ordinal",
  "occurred_at",
  "key_id",
  "signature",
];
const SUMMARY_MAX = 240;

/** Fields of the event itself, without the envelope and what is null. */
export function fieldsOf(happening: Happening): [string, unknown][] {
  return Object.entries(happening.body ?? {}).filter(
    ([name, value]) =>
      !ENVELOPE.includes(name) && value !== null && !(Array.isArray(value) && value.length === 0) && value !== "",
  );
}

/** When the client says that it happened; microseconds since 1970 become ISO 8601. */
export function occurredAt(happening: Happening): string | null {
  const said = happening.body?.["occurred_at"];
  if (typeof said === "string") return said;
  if (typeof said !== "number" || !Number.isFinite(said)) return null;
  const whole = new Date(Math.floor(said / 1000));
  return Number.isNaN(whole.getTime())
    ? null
    : whole.toISOString().replace("Z", `${String(Math.trunc(said % 1000)).padStart(3, "0")}Z`);
}

/** The event's fields in a line: digests cut short, bytes left out; all of it stands below when opened. */
export function summaryOf(happening: Happening): string {
  const text = fieldsOf(happening)
    .filter(([, value]) => !isBytes(value))
    .map(
      ([name, value]) =>
        `${name} = ${typeof value === "string" ? value.replace(/\b([0-9a-f]{8})[0-9a-f]{24,}\b/g, "$1…") : JSON.stringify(value)}`,
    )
    .join(", ");
  return text.length > SUMMARY_MAX ? `${text.slice(0, SUMMARY_MAX)}…` : text;
}

function isBytes(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).join() === "bytes";
}

export function passes(happening: Happening, filter: Filter): boolean {
  if (filter.verdict !== "" && happening.verdict !== filter.verdict) return false;
  if (filter.event !== "" && happening.event !== filter.event) return false;
  if (filter.writer !== "" && happening.writer_id !== filter.writer) return false;
  if (filter.q === "") return true;
  const text = `${happening.event ?? ""} ${happening.rule ?? ""} ${happening.offset} ${JSON.stringify(happening.body)} ${JSON.stringify(happening.refusals)}`;
  return text.toLowerCase().includes(filter.q.toLowerCase());
}

/** Rows of CSV: everything that the timeline tells. */
export function timelineRows(all: readonly Happening[]): unknown[][] {
  return all.map((one) => [
    one.partition,
    one.offset,
    one.broker_time,
    occurredAt(one),
    one.writer_id,
    one.ordinal,
    one.event,
    one.verdict,
    one.rule,
    one.refusals.length === 0 ? null : JSON.stringify(one.refusals),
    one.body === null ? null : JSON.stringify(one.body),
  ]);
}

export const TIMELINE_HEAD = [
  "partition",
  "offset",
  "broker_time",
  "occurred_at",
  "writer_id",
  "ordinal",
  "event",
  "verdict",
  "rule",
  "refusals",
  "body",
];

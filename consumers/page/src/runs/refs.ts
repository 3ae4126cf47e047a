/**
 * Refs: what names something of a run, the same in filter, sort, columns and address: `status`, `tag.team`,
 * `metric.loss.min`, `metric."val.acc"`. A key with other characters than A-Z a-z 0-9 _ / - is quoted.
 * The table knows one more kind, `spark.<metric>`: its line, small.
 */

export interface MetricRef {
  readonly name: string;
  readonly column: string | null;
  readonly what: "last" | "min" | "max" | "count";
}

const WHATS = ["last", "min", "max", "count"] as const;
const PLAIN = /^[\w/-]+$/;

/** The refs of a list; commas inside quotes part nothing. */
export function splitRefs(text: string): string[] {
  return parted(text, ",")
    .map((ref) => ref.trim())
    .filter((ref) => ref !== "");
}

/** The keys of a ref without quotes: `tag."my key"` is ["tag", "my key"]. */
export function segments(ref: string): string[] {
  return parted(ref, ".").map(unquoted);
}

/** A ref of keys, quoted where they need it. */
export function refOf(...keys: readonly string[]): string {
  return keys.map((key, at) => (at === 0 || PLAIN.test(key) ? key : quoted(key))).join(".");
}

/** A text in double quotes, as the filter language reads it. */
export function quoted(text: string): string {
  return `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;
}

/** What a metric's (or spark's) ref says; null of any other. */
export function metricOf(ref: string): MetricRef | null {
  const [kind, name, ...rest] = segments(ref);
  if ((kind !== "metric" && kind !== "spark") || name === undefined || name === "") return null;
  const last = rest[rest.length - 1];
  const what = WHATS.find((one) => one === last) ?? "last";
  const columns = last === what ? rest.slice(0, -1) : rest;
  return { name, column: columns[0] ?? null, what };
}

/** How /series names a metric: its name, or JSON of name and column. */
export function seriesName(metric: Pick<MetricRef, "name" | "column">): string {
  return metric.column === null ? metric.name : JSON.stringify([metric.name, metric.column]);
}

/** The ref of a metric's line. */
export function sparkOf(ref: string): string {
  const metric = metricOf(ref);
  if (metric === null) return ref;
  return metric.column === null ? refOf("spark", metric.name) : refOf("spark", metric.name, metric.column);
}

const FIELDS: Readonly<Record<string, string>> = {
  run_id: "run id",
  duration_s: "duration",
  submitted_by: "by",
  number: "no.",
};

/** What people read in the head of a column. */
export function labelOf(ref: string): string {
  const metric = metricOf(ref);
  if (metric !== null) {
    const name = metric.column === null ? metric.name : `${metric.name} · ${metric.column}`;
    return ref.startsWith("spark.") || metric.what === "last" ? name : `${name} ${metric.what}`;
  }
  const [kind, ...keys] = segments(ref);
  return keys.length > 0 ? keys.join(".") : (FIELDS[kind ?? ""] ?? kind ?? ref);
}

function parted(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quote = "";
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== "") {
      if (character === "\\") at++;
      else if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}

function unquoted(key: string): string {
  const quote = key[0];
  if (key.length < 2 || (quote !== '"' && quote !== "'") || key[key.length - 1] !== quote) return key;
  return key.slice(1, -1).replace(/\\(.)/gs, "$1");
}

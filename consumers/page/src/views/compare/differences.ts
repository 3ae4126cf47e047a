/** What runs do not have in common: of their tags, properties, code and circumstances only what differs. Pure. */

export interface Detail {
  readonly run_id: string;
  readonly display_name: string | null;
  readonly number: number | null;
  readonly experiment: string | null;
  readonly parent_run_id: string | null;
  readonly status: string;
  readonly attempt: number;
  readonly run_type: string | null;
  readonly target: string | null;
  readonly submitted_by: string | null;
  readonly created_at: string;
  readonly snapshot_id: string | null;
  readonly complete: string;
  readonly tags: Readonly<Record<string, string | null>>;
  readonly properties: Readonly<Record<string, string | null>>;
  readonly datasets?: readonly {
    readonly direction: string;
    readonly name: string;
    readonly dataset_name: string | null;
    readonly dataset_version: number | null;
  }[];
}

export type Kind = "tag" | "property" | "code" | "dataset" | "run";

export interface Difference {
  readonly kind: Kind;
  readonly key: string;
  /** In the order of the runs; null where a run has none. */
  readonly values: readonly (string | null)[];
}

export interface Differences {
  readonly rows: readonly Difference[];
  /** How many keys there are in all. */
  readonly of: number;
}

/** Properties that tell of the code: where it was, which commit, whether it was changed. */
const CODE = /(^|[._])(git|mlflow\.source)([._]|$)|snapshot/i;

export function differences(runs: readonly Detail[]): Differences {
  const all: Difference[] = [];
  const add = (kind: Kind, key: string, value: (run: Detail) => string | null) =>
    all.push({ kind, key, values: runs.map(value) });
  for (const key of keysOf(runs, (run) => run.tags)) add("tag", key, (run) => own(run.tags, key));
  for (const key of keysOf(runs, (run) => run.properties)) {
    add(CODE.test(key) ? "code" : "property", key, (run) => own(run.properties, key));
  }
  add("code", "snapshot", (run) => run.snapshot_id);
  const inputs = (run: Detail) =>
    Object.fromEntries(
      (run.datasets ?? []).map((link) => [
        `${link.direction} ${link.name}`,
        `${link.dataset_name ?? "unnamed"} v${link.dataset_version ?? "–"}`,
      ]),
    );
  for (const key of keysOf(runs, inputs)) add("dataset", key, (run) => own(inputs(run), key));
  add("run", "experiment", (run) => run.experiment);
  add("run", "status", (run) => run.status);
  add("run", "attempt", (run) => String(run.attempt));
  add("run", "type", (run) => run.run_type);
  add("run", "target", (run) => run.target);
  add("run", "submitted by", (run) => run.submitted_by);
  add("run", "parent", (run) => run.parent_run_id);
  add("run", "complete", (run) => run.complete);
  const order: readonly Kind[] = ["code", "tag", "property", "dataset", "run"];
  const rows = all
    .filter((one) => new Set(one.values).size > 1)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.key.localeCompare(b.key));
  return { rows, of: all.length };
}

function keysOf(runs: readonly Detail[], of: (run: Detail) => Readonly<Record<string, unknown>>): readonly string[] {
  return [...new Set(runs.flatMap((run) => Object.keys(of(run))))].sort();
}

function own(values: Readonly<Record<string, string | null>>, key: string): string | null {
  return Object.hasOwn(values, key) ? (values[key] ?? "") : null;
}

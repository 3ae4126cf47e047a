/** Shapes of the API's answers that the page reads. Times are ISO 8601, UTC. */

/** A number as JSON can carry it: the three that JSON has not are text. */
export type Value = string | number | boolean | null;

export interface Answer {
  readonly watermark: string;
}

export interface FoundRun {
  readonly run_id: string;
  readonly experiment: string | null;
  readonly name: string | null;
  readonly number: number | null;
  readonly parent_run_id: string | null;
  readonly status: string;
  readonly attempt: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly heartbeat_at: string | null;
  readonly children: number;
  readonly values: Readonly<Record<string, Value>>;
}

export interface FoundRuns extends Answer {
  readonly runs: readonly FoundRun[];
  readonly n: number;
  readonly of: number | null;
  readonly of_is_exact: boolean;
  readonly next_cursor: string | null;
}

export interface Column {
  readonly ref: string;
  readonly kind: "field" | "tag" | "property" | "metric";
  readonly label: string;
}

export interface GroupValue {
  readonly mean: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly n: number;
}

export interface Group {
  readonly value: Value;
  readonly runs: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly values: Readonly<Record<string, GroupValue>>;
}

export interface Groups extends Answer {
  readonly groups: readonly Group[];
  readonly n: number;
  readonly of: number;
  readonly next_cursor?: string | null;
}

export interface MetricSummary {
  readonly name: string;
  readonly column: string | null;
  readonly kind: string;
  readonly axis: string;
  readonly points: number;
  readonly last: Value;
  readonly min: Value;
  readonly max: Value;
  readonly last_step: number | null;
  readonly last_time: string | null;
  readonly nonfinite: number;
  readonly writers: number;
}

export interface MetricSummaries extends Answer {
  readonly metrics: readonly MetricSummary[];
  readonly n: number;
  readonly of: number;
  readonly next_cursor: string | null;
}

export interface Mark {
  readonly x: number;
  readonly value: "NaN" | "Infinity" | "-Infinity";
}

export interface Series {
  readonly run_id: string;
  readonly metric: string;
  readonly column: string | null;
  readonly rank: number | null;
  readonly attempt: number | null;
  readonly kind: string;
  readonly axis: string;
  /** Points drawn, of points logged. */
  readonly n: number;
  readonly of: number;
  readonly x: readonly number[];
  readonly value: readonly Value[];
  readonly band: {
    readonly x: readonly number[];
    readonly min: readonly (number | null)[];
    readonly max: readonly (number | null)[];
  } | null;
  readonly slowest_rank: readonly (number | null)[] | null;
  readonly marks: readonly Mark[];
  readonly marks_of: number;
  readonly step?: readonly (number | null)[];
  readonly time?: readonly number[];
}

export interface SeriesAnswer extends Answer {
  readonly series: readonly Series[];
  readonly cursor: string | null;
}

export interface ProjectorLag {
  readonly projector: string;
  readonly topic: string;
  readonly partition: number;
  readonly next_offset: number;
  readonly end_offset: number;
  readonly lag_s: number | null;
  readonly observed_at: string;
}

export interface DeadLetter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly kind?: string;
  readonly reason?: string;
  readonly retried_at: string | null;
  readonly retried_by: string | null;
  readonly [more: string]: unknown;
}

export interface Refusal {
  readonly offset: number;
  readonly run_id: string;
  readonly rule: string;
  readonly key: string | null;
  readonly kept: string | null;
  readonly refused: string | null;
  readonly at: string;
}

export interface Health extends Answer {
  readonly projectors: readonly ProjectorLag[];
  readonly dead_letters: {
    readonly poison: number;
    readonly parked: number;
    /** Of both, those that nobody sent again. */
    readonly open: number;
    readonly latest: readonly DeadLetter[];
  };
  readonly refusals: { readonly last_hour: number; readonly latest: readonly Refusal[] };
  readonly throughput: readonly { readonly topic: string; readonly per_s: number }[];
  readonly runs: { readonly running: number; readonly not_responding: number; readonly last_hour: number };
}

export interface Experiment {
  readonly name: string;
  readonly created_at: string;
  readonly run_count: number;
  readonly archived: boolean;
  readonly archived_at: string | null;
  readonly deleted: boolean;
  readonly description: string | null;
  readonly tags: Readonly<Record<string, string | null>>;
}

export interface Experiments extends Answer {
  readonly experiments: readonly Experiment[];
  readonly next_cursor: string | null;
}

export interface Reach {
  readonly workspace: string;
  readonly scopes: readonly string[];
}

export interface Session {
  readonly principal: string;
  readonly workspaces: readonly Reach[];
  readonly csrf: string | null;
  readonly expires_at: string | null;
}

export interface SignOn {
  readonly oidc: { readonly name: string; readonly url: string } | null;
}

/** What changed since the event before, by run: kinds are status, tags, properties, points, logs, artifacts, ... */
export interface Changes {
  /** What happened since cannot be told by difference: everything may have changed. */
  readonly reset?: boolean;
  readonly runs: Readonly<Record<string, readonly string[]>>;
  readonly experiments: readonly string[];
  readonly more: boolean;
}

/** What the run view asks, and the shapes of the answers that it alone reads. */

import type { Answer, FoundRuns, MetricSummaries } from "../../api";
import { ahead, below, followFrom, get, getRaw, type Options, send } from "../../api";

export interface LaneRanges {
  readonly stream: string;
  readonly writer_id: string;
  readonly ranges: readonly (readonly [number, number])[];
}

export interface Writer {
  readonly writer_id: string;
  readonly actor: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly rank: number | null;
  readonly world_size: number | null;
  readonly attempt: number | null;
  readonly opened_at: string | null;
  readonly outsider: boolean;
}

export interface Run extends Answer {
  readonly run_id: string;
  readonly experiment: string | null;
  readonly parent_run_id: string | null;
  readonly run_type: string | null;
  readonly target: string | null;
  readonly display_name: string | null;
  readonly description: string | null;
  readonly number: number | null;
  readonly attempt: number;
  readonly status: string;
  readonly status_reason: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly tags: Readonly<Record<string, string | null>>;
  readonly properties: Readonly<Record<string, string | null>>;
  readonly error: {
    readonly code: string;
    readonly message: string | null;
    readonly details_uri: string | null;
  } | null;
  readonly complete: "complete" | "complete_with_declared_loss" | "open";
  readonly missing: readonly LaneRanges[];
  readonly declared: readonly LaneRanges[];
  readonly writers: readonly Writer[];
  readonly submitted_by: string | null;
  readonly outputs: string | null;
  readonly snapshot_directory: string | null;
  readonly warnings: readonly { readonly source: string; readonly message: string; readonly attempt: number }[];
  readonly snapshot_id: string | null;
  readonly definition: Readonly<Record<string, unknown>> | null;
  readonly job_folder: string | null;
  readonly heartbeat_at: string | null;
  readonly cancel_requested_at: string | null;
  readonly datasets: readonly DatasetLink[];
  readonly corrections: readonly Correction[];
}

export interface DatasetLink {
  readonly direction: string;
  readonly name: string;
  readonly dataset_id: string;
  readonly dataset_name: string | null;
  readonly dataset_version: number | null;
  readonly mechanism: string | null;
  readonly path_on_compute: string | null;
}

export interface Correction {
  readonly key: string;
  readonly value: string | null;
  readonly reason: string | null;
  readonly [more: string]: unknown;
}

export interface Refused {
  readonly key: string;
  readonly rule: string;
  readonly kept: string | null;
  readonly refused: string | null;
}

export interface Decision {
  readonly offset: number;
  readonly writer_id: string | null;
  readonly ordinal: number | null;
  readonly event: string | null;
  readonly verdict: string;
  readonly rule: string | null;
  readonly refusals: readonly Refused[];
}

export interface Happening extends Decision {
  readonly partition: number;
  readonly broker_time: string;
  readonly body: Readonly<Record<string, unknown>> | null;
}

export interface Artifact {
  readonly path: string;
  readonly name: string;
  readonly attempt: number;
  readonly sha256: string;
  readonly size: number;
  readonly media_type: string | null;
  readonly metric_name: string | null;
  readonly metric_type: string | null;
  readonly availability: string;
  readonly created_at: string;
}

export interface Log {
  readonly name: string;
  readonly attempt: number;
  readonly writer_id: string;
  readonly rank: number | null;
  readonly bytes: number;
  readonly complete: boolean;
  readonly updated_at: string;
}

export interface Lane {
  readonly stream: string;
  readonly sent: number;
  readonly stored: number;
  readonly declared_lost: number;
  readonly missing: readonly (readonly [number, number])[];
}

export interface WriterLanes {
  readonly writer_id: string;
  readonly rank: number | null;
  readonly attempt: number | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly outsider: boolean;
  readonly lanes: readonly Lane[];
}

export interface Completeness extends Answer {
  readonly complete: string;
  readonly writers: readonly WriterLanes[];
}

/** The run, and where asked the moment as of which all is told. */
export interface Of {
  readonly workspace: string;
  readonly run_id: string;
  readonly as_of: string;
}

const PAGES_MAX = 200;

function path(of: Of, ...rest: string[]): string {
  return below(of.workspace, "runs", of.run_id, ...rest);
}

export function run(of: Of, options: Options): Promise<Run> {
  return get(path(of), { as_of: of.as_of }, options);
}

/** Asks for the run before the view is there. */
export function runAhead(of: Of): void {
  followFrom(of.workspace, ahead<Run>(path(of), { as_of: of.as_of }));
}

/** Asks for the summaries before a tab does: beside the run itself, not after it. */
export function summariesAhead(of: Of): void {
  void ahead(path(of, "metrics", "summary"), { as_of: of.as_of, limit: 1000 });
}

/** Summaries of all metrics of the run. */
export function summaries(of: Of, options: Options): Promise<MetricSummaries> {
  return paged(
    (cursor) => get<MetricSummaries>(path(of, "metrics", "summary"), { as_of: of.as_of, limit: 1000, cursor }, options),
    (all, page) => ({ ...page, metrics: [...all.metrics, ...page.metrics], n: all.n + page.n }),
  );
}

export async function artifacts(of: Of, options: Options): Promise<readonly Artifact[]> {
  type Page = { artifacts: readonly Artifact[]; next_cursor: string | null };
  const all = await paged(
    (cursor) => get<Page>(path(of, "artifacts"), { as_of: of.as_of, limit: 1000, cursor }, options),
    (before, page) => ({ ...page, artifacts: [...before.artifacts, ...page.artifacts] }),
  );
  return all.artifacts;
}

export interface Timeline {
  readonly timeline: readonly Happening[];
  readonly next_cursor: string | null;
}

/** A page of what happened; from where an earlier one ended. */
export function events(of: Of, cursor: string | undefined, options: Options): Promise<Timeline> {
  return get(path(of, "events"), { as_of: of.as_of, limit: 500, cursor }, options);
}

/** Refused attempts to add properties, of the timeline: so they too are told as of a moment. */
export async function refusedProperties(of: Of, options: Options): Promise<readonly Happening[]> {
  const only = { event: "PropertyAdded", verdict: "refused" };
  const all = await paged(
    (cursor) => get<Timeline>(path(of, "events"), { as_of: of.as_of, ...only, limit: 500, cursor }, options),
    (before, page) => ({ ...page, timeline: [...before.timeline, ...page.timeline] }),
  );
  return all.timeline;
}

export function completeness(of: Of, options: Options): Promise<Completeness> {
  return get(path(of, "completeness"), { as_of: of.as_of }, options);
}

export async function logs(of: Of, options: Options): Promise<{ logs: readonly Log[]; more: boolean }> {
  return get(path(of, "logs"), { as_of: of.as_of }, options);
}

/** Bytes of a log from an ordinal on, and where to go on. */
export async function logPiece(
  of: Of,
  log: Log,
  first: number,
  limit: number,
  options: Options,
): Promise<{ bytes: Uint8Array; next: number; end: number; lost: number }> {
  const { name, attempt, writer_id } = log;
  const asked = { name, attempt, writer_id, first, limit, as_of: of.as_of };
  const answer = await getRaw(path(of, "logs", "content"), asked, options);
  const header = (named: string): number => Number(answer.headers.get(named) ?? 0);
  return {
    bytes: new Uint8Array(await answer.arrayBuffer()),
    next: header("Runfold-Next"),
    end: header("Runfold-End"),
    lost: header("Runfold-Lost"),
  };
}

/** Children, the oldest first; looking back, those that there were, each as it stood. */
export function children(of: Of, columns: string, cursor: string | undefined, options: Options): Promise<FoundRuns> {
  const q = `parent = ${JSON.stringify(of.run_id)}`;
  return get(
    below(of.workspace, "search", "runs"),
    { q, columns, cursor, sort: "created", limit: 200, count: true, as_of: of.as_of },
    options,
  );
}

/** Address of an artifact's preview; images take it as their source. */
export function previewPath(of: Of): string {
  return path(of, "artifacts", "preview");
}

export function preview(of: Of, artifact: Artifact, first: number, options: Options): Promise<Response> {
  const limit = PREVIEW_BYTES;
  return getRaw(previewPath(of), { path: artifact.path, attempt: artifact.attempt, first, limit }, options);
}

export const PREVIEW_BYTES = 256 * 1024;

/** A chart document of the run, read by its bytes. */
export async function documentOf(of: Of, artifact: Artifact, options: Options): Promise<unknown> {
  const limit = 4 << 20;
  const asked = { path: artifact.path, attempt: artifact.attempt, limit };
  const text = await (await getRaw(previewPath(of), asked, options)).text();
  return JSON.parse(text) as unknown;
}

/** A signed address for an artifact's bytes. */
export async function signed(of: Of, artifact: Artifact): Promise<string> {
  const asked = { path: artifact.path, attempt: artifact.attempt };
  return (await get<{ url: string }>(path(of, "artifacts", "content"), asked)).url;
}

/** Asks that the run ends. */
export function cancel(of: Of, reason: string): Promise<unknown> {
  return send("POST", path(of, "cancel"), reason === "" ? {} : { reason });
}

/** Sets tags; null removes one. */
export function tag(of: Of, tags: Record<string, string | null>): Promise<unknown> {
  return send("PATCH", path(of), { tags });
}

/** Annotates a property with what it should have said. */
export function correct(of: Of, key: string, value: string, reason: string): Promise<unknown> {
  return send("POST", path(of, "corrections"), { key, value, reason });
}

async function paged<T extends { next_cursor: string | null }>(
  ask: (cursor: string | undefined) => Promise<T>,
  join: (all: T, page: T) => T,
): Promise<T> {
  let all = await ask(undefined);
  for (let pages = 1; all.next_cursor !== null && pages < PAGES_MAX; pages++)
    all = join(all, await ask(all.next_cursor));
  return all;
}

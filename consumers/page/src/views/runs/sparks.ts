/** Lines for the table's cells: only of rows in sight, many runs in one request, and again when points came. */

import { type Signal, signal } from "@preact/signals";
import { type Series, series } from "../../api";
import { metricOf, seriesName } from "../../runs/refs";

export interface Spark {
  readonly x: readonly number[];
  readonly value: readonly (number | null)[];
}

const BUCKETS = 48;
const RUNS_MAX = 100;
const PAUSE_MS = 80;
const REFRESH_MS = 2_000;

export class Sparks {
  private readonly known = new Map<string, Signal<Spark | null>>();
  private readonly asked = new Set<string>();
  private readonly stale = new Set<string>();
  private sight: readonly string[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly abort = new AbortController();
  private readonly metrics: readonly string[];

  constructor(
    private readonly workspace: string,
    refs: readonly string[],
  ) {
    this.metrics = [...new Set(refs.map(metricOf).flatMap((metric) => (metric === null ? [] : [seriesName(metric)])))];
  }

  /** The line of a run under a ref; null until it is known, and for good where there is none. */
  of(run_id: string, ref: string): Signal<Spark | null> {
    const metric = metricOf(ref);
    return this.signalOf(run_id, metric === null ? ref : seriesName(metric));
  }

  seen(run_ids: readonly string[]): void {
    this.sight = run_ids;
    if (this.metrics.length > 0) this.soon(PAUSE_MS);
  }

  changed(run_ids: readonly string[]): void {
    for (const run_id of run_ids) if (this.asked.has(run_id)) this.stale.add(run_id);
    if (this.sight.some((run_id) => this.stale.has(run_id))) this.soon(REFRESH_MS);
  }

  close(): void {
    this.abort.abort();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private soon(pause_ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      void this.fetch();
    }, pause_ms);
  }

  private async fetch(): Promise<void> {
    const wanted = this.sight.filter((run_id) => !this.asked.has(run_id) || this.stale.has(run_id)).slice(0, RUNS_MAX);
    if (wanted.length === 0 || this.abort.signal.aborted) return;
    for (const run_id of wanted) {
      this.asked.add(run_id);
      this.stale.delete(run_id);
    }
    try {
      const answer = await series(
        this.workspace,
        { run_id: wanted, metric: this.metrics, fold: "ranks", buckets: BUCKETS, x: "step" },
        { signal: this.abort.signal },
      );
      for (const one of answer.series) this.signalOf(one.run_id, seriesNameOf(one)).value = sparkOf(one);
    } catch {
      for (const run_id of wanted) this.asked.delete(run_id); // the next look asks again
    }
  }

  private signalOf(run_id: string, metric: string): Signal<Spark | null> {
    const key = JSON.stringify([run_id, metric]);
    let found = this.known.get(key);
    if (found === undefined) {
      found = signal<Spark | null>(null);
      this.known.set(key, found);
    }
    return found;
  }
}

function seriesNameOf(one: Series): string {
  return seriesName({ name: one.metric, column: one.column });
}

function sparkOf(one: Series): Spark {
  return { x: one.x, value: one.value.map((value) => (typeof value === "number" ? value : null)) };
}

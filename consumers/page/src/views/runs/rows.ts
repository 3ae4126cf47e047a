/**
 * The rows of the runs table: those that come into sight, wherever that is, and kept up to date by difference.
 *
 * A page is asked for by the cursor of the row before it, or, far down, by how many rows to skip; places between stay
 * empty until somebody looks. Of what the stream of changes names, only rows in sight are asked for again, at most once a
 * second; others are marked and asked for when they come into sight. So 1,000 live runs cost what fits on the screen.
 */

import { batch, signal } from "@preact/signals";
import { type ApiError, type FoundRun, type FoundRuns, type RunsAsked, searchRuns } from "../../api";
import { quoted } from "../../runs/refs";

export interface Asked {
  readonly q: string;
  readonly sort: string;
  readonly columns: string;
  readonly include_children: boolean;
}

export type Search = typeof searchRuns;

const FIRST_ROWS = 100;
const PAGE_ROWS_MAX = 500;
const AHEAD_ROWS = 60;
const IDS_MAX = 80;
const REFRESH_MS = 1_000;
const HEAD_ROWS = 50;

/** What is asked for first. */
export function firstPage(asked: Asked): RunsAsked {
  return { ...asked, limit: FIRST_ROWS, count: true };
}

export class Rows {
  /** Rows the table has room for: all that match, as far as the server has counted. */
  readonly count = signal(0);
  readonly of = signal<{ n: number; exact: boolean } | null>(null);
  readonly loaded = signal(0);
  readonly error = signal<ApiError | Error | null>(null);
  readonly busy = signal(false);
  /** Goes up with every change of a row. */
  readonly version = signal(0);

  /** By place; sparse. */
  private rows: FoundRun[] = [];
  private places = new Map<string, number>();
  /** Cursors of the pages that ended with these runs. */
  private readonly cursors = new Map<string, string>();
  /** How many rows there are, once the last one was seen. */
  private end: number | null = null;
  private counted = false;
  private sight: readonly [number, number] = [0, FIRST_ROWS - AHEAD_ROWS - 1];
  private readonly stale = new Set<string>();
  private headIsStale = false;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private looked_ms = 0;
  private readonly abort = new AbortController();
  private readonly ofMetrics: boolean;

  constructor(
    private readonly workspace: string,
    private readonly asked: Asked,
    private readonly search: Search = searchRuns,
    /** The same rows with other columns: shown until the first page is there. */
    private before: Rows | null = null,
  ) {
    this.ofMetrics = /\bmetric\b/.test(`${asked.q} ${asked.sort}`);
    if (before !== null) {
      this.count.value = before.count.peek();
      this.of.value = before.of.peek();
      this.loaded.value = before.loaded.peek();
    }
    void this.fill();
  }

  at(place: number): FoundRun | undefined {
    return this.before === null ? this.rows[place] : this.before.at(place);
  }

  /** All loaded rows, in their order. */
  all(): readonly FoundRun[] {
    return this.before === null ? this.rows.filter(() => true) : this.before.all();
  }

  byId(run_id: string): FoundRun | undefined {
    const place = this.places.get(run_id);
    return place === undefined ? undefined : this.rows[place];
  }

  /** These places are in sight: loads them and some more, and asks again for what changed meanwhile. */
  seen(first: number, last: number): void {
    this.sight = [first, last];
    void this.fill();
    if (this.stale.size > 0) this.soon();
  }

  /** Something happened to these runs. Points of one that is not loaded move no row, unless the question is of metrics. */
  changed(runs: Readonly<Record<string, readonly string[]>>): void {
    for (const [run_id, kinds] of Object.entries(runs)) {
      if (this.places.has(run_id)) this.stale.add(run_id);
      else if (this.ofMetrics || kinds.some((kind) => kind !== "points" && kind !== "logs")) this.headIsStale = true;
    }
    if (this.headIsStale || this.staleInSight().length > 0) this.soon();
  }

  /** Anything may have happened. */
  changedAll(): void {
    for (const run_id of this.places.keys()) this.stale.add(run_id);
    this.headIsStale = true;
    this.soon();
  }

  close(): void {
    this.abort.abort();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private async fill(): Promise<void> {
    if (this.busy.peek()) return;
    this.busy.value = true;
    try {
      for (let gap = this.gap(); gap !== null && !this.abort.signal.aborted; gap = this.gap()) {
        const [from, to] = gap;
        const before = this.rows[from - 1]?.run_id ?? "";
        const cursor = this.cursors.get(before) ?? "";
        const answer = await this.search(
          this.workspace,
          {
            ...this.asked,
            cursor,
            skip: cursor === "" && from > 0 ? from : undefined,
            limit: Math.min(PAGE_ROWS_MAX, Math.max(FIRST_ROWS, to - from)),
            count: !this.counted,
          },
          { signal: this.abort.signal },
        );
        // Meanwhile others may have come before it.
        this.take(answer, from === 0 ? 0 : (this.places.get(before) ?? from - 1) + 1);
      }
      this.error.value = null;
    } catch (error) {
      if (!this.abort.signal.aborted) this.error.value = error as Error;
    } finally {
      this.busy.value = false;
    }
  }

  /** The first places to load of those in sight and some around them: from, and one past the last; null where all are there. */
  private gap(): [number, number] | null {
    const end = this.end ?? (this.counted ? Math.max(this.of.peek()?.n ?? 0, this.rows.length + 1) : Infinity);
    const stop = Math.min(end, this.sight[1] + 1 + AHEAD_ROWS);
    let from = Math.max(0, Math.min(this.sight[0] - AHEAD_ROWS, stop - 1));
    while (from < stop && this.rows[from] !== undefined) from += 1;
    if (from >= stop) return null;
    let to = from + 1;
    while (to < stop && this.rows[to] === undefined) to += 1;
    while (from > 0 && to - from < FIRST_ROWS && this.rows[from - 1] === undefined) from -= 1; // who goes up goes on
    return [from, to];
  }

  private take(answer: FoundRuns, from: number): void {
    this.before = null;
    answer.runs.forEach((run, at) => {
      const place = this.places.get(run.run_id);
      if (place !== undefined && place !== from + at) delete this.rows[place]; // it moved between two pages
      const there = this.rows[from + at];
      if (there !== undefined) this.places.delete(there.run_id);
      this.places.set(run.run_id, from + at);
      this.rows[from + at] = run;
    });
    const last = answer.runs[answer.runs.length - 1];
    if (answer.next_cursor === null) {
      this.end = from + answer.runs.length;
      this.rows.length = Math.min(this.rows.length, this.end);
    } else if (last !== undefined) this.cursors.set(last.run_id, answer.next_cursor);
    batch(() => {
      if (answer.of !== null) {
        this.counted = true;
        this.of.value = { n: answer.of, exact: answer.of_is_exact };
      }
      this.told();
    });
  }

  private told(): void {
    const of = this.of.peek();
    const furthest = this.rows.length;
    if (this.end !== null) {
      this.of.value = { n: this.end, exact: true };
      this.count.value = this.end;
    } else {
      if (of !== null && !of.exact && furthest > of.n) this.of.value = { n: furthest, exact: false }; // counted up to a bound
      this.count.value = Math.max(of?.n ?? 0, furthest + 1);
    }
    this.loaded.value = this.places.size;
    this.version.value += 1;
  }

  /** Looks at once, and then at most once in REFRESH_MS. */
  private soon(): void {
    const pause_ms = Math.max(0, this.looked_ms + REFRESH_MS - Date.now());
    this.timer ??= setTimeout(() => {
      this.looked_ms = Date.now();
      void this.refresh().finally(() => {
        this.timer = null;
        if (this.headIsStale || this.staleInSight().length > 0) this.soon();
      });
    }, pause_ms);
  }

  private async refresh(): Promise<void> {
    if (this.abort.signal.aborted) return;
    try {
      if (this.headIsStale) await this.refreshHead();
      const ids = this.staleInSight().slice(0, IDS_MAX);
      if (ids.length > 0) await this.refreshRows(ids);
    } catch {
      // The next change, or the next look, asks again.
    }
  }

  private async refreshRows(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.stale.delete(id);
    const answer = await this.search(
      this.workspace,
      {
        q: `run_id in (${ids.map(quoted).join(", ")})`,
        columns: this.asked.columns,
        limit: ids.length,
        count: false,
        include_children: true,
      },
      { signal: this.abort.signal },
    );
    for (const run of answer.runs) this.put(run);
    this.version.value += 1;
  }

  /** Runs that are new at the head of the order take their places there; the rows below move down. */
  private async refreshHead(): Promise<void> {
    this.headIsStale = false;
    const answer = await this.search(
      this.workspace,
      { ...this.asked, limit: HEAD_ROWS, count: true },
      { signal: this.abort.signal },
    );
    const fresh = answer.runs.filter((run) => !this.places.has(run.run_id));
    if (fresh.length > 0) {
      const at = new Map(answer.runs.map((run, place) => [run.run_id, place]));
      for (const run of fresh) this.rows.splice(Math.min(at.get(run.run_id) ?? 0, this.rows.length), 0, run);
      this.places = new Map();
      this.rows.forEach((run, place) => {
        this.places.set(run.run_id, place);
      });
      if (this.end !== null) this.end += fresh.length;
    }
    for (const run of answer.runs) this.put(run);
    batch(() => {
      if (answer.of !== null) this.of.value = { n: answer.of, exact: answer.of_is_exact };
      this.told();
    });
  }

  private put(run: FoundRun): void {
    const place = this.places.get(run.run_id);
    if (place === undefined) return;
    this.rows[place] = run;
    this.stale.delete(run.run_id);
  }

  private staleInSight(): string[] {
    const [first, last] = this.sight;
    return this.rows
      .slice(first, last + 1)
      .flatMap((run) => (run !== undefined && this.stale.has(run.run_id) ? [run.run_id] : []));
  }
}

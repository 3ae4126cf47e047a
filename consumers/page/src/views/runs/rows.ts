/**
 * The rows of the runs table: pages by cursor as they come into sight, and kept up to date by difference.
 *
 * Of what the stream of changes names, only rows in sight are asked for again, at most once a second; others are marked
 * and asked for when they come into sight. So 1,000 live runs cost what fits on the screen.
 */

import { batch, signal } from "@preact/signals";
import { type ApiError, type FoundRun, type FoundRuns, searchRuns } from "../../api";
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

export class Rows {
  /** Rows the table has room for: all that match, as far as the server has counted. */
  readonly count = signal(0);
  readonly of = signal<{ n: number; exact: boolean } | null>(null);
  readonly loaded = signal(0);
  readonly error = signal<ApiError | Error | null>(null);
  readonly busy = signal(false);
  /** Goes up with every change of a row. */
  readonly version = signal(0);

  private rows: FoundRun[] = [];
  private places = new Map<string, number>();
  private cursor: string | null = "";
  private wanted = FIRST_ROWS;
  private sight: readonly [number, number] = [0, 30];
  private readonly stale = new Set<string>();
  private headIsStale = false;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly abort = new AbortController();

  constructor(
    private readonly workspace: string,
    private readonly asked: Asked,
    private readonly search: Search = searchRuns,
    /** The same rows with other columns: shown until the first page is there. */
    private before: Rows | null = null,
  ) {
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
    return this.before === null ? this.rows : this.before.all();
  }

  byId(run_id: string): FoundRun | undefined {
    const place = this.places.get(run_id);
    return place === undefined ? undefined : this.rows[place];
  }

  /** These places are in sight: loads up to there and some more, and asks again for what changed meanwhile. */
  seen(first: number, last: number): void {
    this.sight = [first, last];
    this.wanted = last + AHEAD_ROWS;
    void this.fill();
    if (this.stale.size > 0) this.soon();
  }

  /** Something happened to these runs. */
  changed(run_ids: readonly string[]): void {
    for (const run_id of run_ids) {
      if (this.places.has(run_id)) this.stale.add(run_id);
      else this.headIsStale = true;
    }
    this.soon();
  }

  /** Anything may have happened. */
  changedAll(): void {
    for (const run of this.rows) this.stale.add(run.run_id);
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
      while (this.cursor !== null && this.rows.length < this.wanted && !this.abort.signal.aborted) {
        const first = this.cursor === "";
        const missing = this.wanted - this.rows.length;
        const answer = await this.search(
          this.workspace,
          {
            ...this.asked,
            cursor: this.cursor,
            limit: first ? FIRST_ROWS : Math.min(PAGE_ROWS_MAX, Math.max(FIRST_ROWS, missing)),
            count: first,
          },
          { signal: this.abort.signal },
        );
        this.append(answer, first);
      }
      this.error.value = null;
    } catch (error) {
      if (!this.abort.signal.aborted) this.error.value = error as Error;
    } finally {
      this.busy.value = false;
    }
  }

  private append(answer: FoundRuns, first: boolean): void {
    this.before = null;
    for (const run of answer.runs) {
      if (this.places.has(run.run_id)) continue; // it moved between two pages
      this.places.set(run.run_id, this.rows.length);
      this.rows.push(run);
    }
    this.cursor = answer.next_cursor;
    batch(() => {
      if (first) this.of.value = answer.of === null ? null : { n: answer.of, exact: answer.of_is_exact };
      this.told();
    });
  }

  private told(): void {
    const of = this.of.peek();
    const loaded = this.rows.length;
    if (of !== null && !of.exact && loaded > of.n) this.of.value = { n: loaded, exact: false }; // counted up to a bound
    if (this.cursor === null) {
      this.of.value = { n: loaded, exact: true };
      this.count.value = loaded;
    } else this.count.value = Math.max(of?.n ?? 0, loaded + 1);
    this.loaded.value = loaded;
    this.version.value += 1;
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      void this.refresh().finally(() => {
        this.timer = null;
        if (this.headIsStale || this.staleInSight().length > 0) this.soon();
      });
    }, REFRESH_MS);
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
      this.places = new Map(this.rows.map((run, place) => [run.run_id, place]));
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
      .map((run) => run.run_id)
      .filter((run_id) => this.stale.has(run_id));
  }
}

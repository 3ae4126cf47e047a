/**
 * Points for many panels: only for those in sight, many in one request, taken back when they scroll away, and by difference
 * when something new came.
 *
 * A panel holds an overview (all of x) and, while zoomed, finer data of that range; the overview stays shown until the
 * finer data is there. Data of a panel that was scrolled away stays, and is brought up to date when it is seen again.
 */

import { type Signal, signal } from "@preact/signals";
import type { Series, SeriesAnswer, SeriesAsked } from "../api";
import { append, indices, type PlotSeries, type Range } from "./data";

/** What all panels of a feed ask alike. */
export type Common = Omit<SeriesAsked, "metric" | "after" | "from" | "to">;

export interface PanelData {
  series: readonly PlotSeries[];
  busy: boolean;
  error: string | null;
  /** false: nothing was ever answered. */
  known: boolean;
}

export type Fetch = (asked: SeriesAsked, aborted: AbortSignal) => Promise<SeriesAnswer>;
export type Styled = (s: Series) => { label: string; colour: string };

interface Panel {
  metrics: readonly string[];
  data: Signal<PanelData>;
  overview: PlotSeries[] | null;
  detail: PlotSeries[] | null;
  detailOf: Range | null;
  zoom: Range | null;
  cursor: string | null;
  /** How often it is in sight: a pinned metric has two panels. */
  seen: number;
  stale: boolean;
  queued: boolean;
  waits: Set<Batch>;
}

interface Batch {
  abort: AbortController;
  panels: Panel[];
}

const METRICS_MAX = 24;
const ZOOM_SETTLES_MS = 60;
const REFRESH_MS = 1_000;
const EMPTY: PanelData = { series: [], busy: false, error: null, known: false };

export class Feed {
  private readonly panels = new Map<string, Panel>();
  private zoom: Range | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private zoomTimer: ReturnType<typeof setTimeout> | null = null;
  private refreshTimer: ReturnType<typeof setTimeout> | null = null;
  private refreshed_ms = 0;
  private closed = false;

  constructor(
    private readonly fetch: Fetch,
    private readonly common: Common,
    private readonly style: Styled,
    /** Whether the server can cut by the range of the zoom: x is not another metric. */
    private readonly refines = true,
    /** Metrics in one request, so that an answer stays within what the server tells as JSON. */
    private readonly metricsMax = METRICS_MAX,
  ) {}

  /** Data of a panel of these metrics (refs as /series takes them). Asks for nothing until it is seen. */
  data(metrics: readonly string[]): Signal<PanelData> {
    return this.panel(metrics).data;
  }

  /** The panel is in sight, or no more. */
  see(metrics: readonly string[], inSight: boolean): void {
    const panel = this.panel(metrics);
    panel.seen = Math.max(0, panel.seen + (inSight ? 1 : -1));
    if (panel.seen > 0) {
      if (panel.overview === null || panel.stale) this.queue(panel);
      this.refine(panel);
      return;
    }
    for (const batch of panel.waits) if (batch.panels.every((other) => other.seen === 0)) batch.abort.abort();
  }

  /** Another range of x, or all of it, for one panel or for all. Panels in sight get finer data. */
  setZoom(range: Range | null, metrics: readonly string[] | null = null): void {
    if (metrics === null) this.zoom = range;
    for (const panel of metrics === null ? this.panels.values() : [this.panel(metrics)]) {
      if (same(panel.zoom, range)) continue;
      panel.zoom = range;
      if (range === null) panel.detail = panel.detailOf = null;
      this.publish(panel);
    }
    if (this.zoomTimer !== null) clearTimeout(this.zoomTimer);
    this.zoomTimer = setTimeout(() => {
      this.zoomTimer = null;
      void this.refineAll([...this.panels.values()].filter((panel) => panel.seen > 0));
    }, ZOOM_SETTLES_MS);
  }

  /** Something came: panels in sight get what is new, at most once in REFRESH_MS; the others when they are seen again. */
  changed(): void {
    for (const panel of this.panels.values()) panel.stale = true;
    this.refreshSoon();
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.zoomTimer !== null) clearTimeout(this.zoomTimer);
    if (this.refreshTimer !== null) clearTimeout(this.refreshTimer);
    for (const panel of this.panels.values()) for (const batch of panel.waits) batch.abort.abort();
  }

  private panel(metrics: readonly string[]): Panel {
    const key = metrics.join("\n");
    let panel = this.panels.get(key);
    if (panel === undefined) {
      panel = {
        metrics,
        data: signal(EMPTY),
        overview: null,
        detail: null,
        detailOf: null,
        zoom: this.zoom,
        cursor: null,
        seen: 0,
        stale: false,
        queued: false,
        waits: new Set(),
      };
      this.panels.set(key, panel);
    }
    return panel;
  }

  private refreshSoon(): void {
    const pause_ms = Math.max(0, this.refreshed_ms + REFRESH_MS - Date.now());
    this.refreshTimer ??= setTimeout(() => {
      this.refreshTimer = null;
      this.refreshed_ms = Date.now();
      for (const panel of this.panels.values()) if (panel.stale && panel.seen > 0) this.queue(panel);
    }, pause_ms);
  }

  private queue(panel: Panel): void {
    if (panel.queued) return;
    panel.queued = true;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.flush();
    }, 12);
  }

  private flush(): void {
    const groups = new Map<string, Panel[]>();
    for (const panel of this.panels.values()) {
      if (!panel.queued) continue;
      panel.queued = false;
      if (panel.seen === 0 || panel.waits.size > 0) continue;
      const after = panel.overview === null ? "" : (panel.cursor ?? "");
      groups.set(after, [...(groups.get(after) ?? []), panel]);
    }
    for (const [after, panels] of groups)
      for (const some of this.batches(panels)) void this.ask(some, after === "" ? null : after);
  }

  private async ask(panels: Panel[], after: string | null): Promise<void> {
    for (const panel of panels) panel.stale = false; // what comes while it is answered makes it so again
    const answer = await this.request(panels, after === null ? {} : { after });
    if (answer === null) {
      for (const panel of panels) panel.stale = true;
      return;
    }
    const came = byMetric(answer.series);
    const again: Panel[] = [];
    for (const panel of panels) {
      const series = panel.metrics.flatMap((metric) => came.get(metric) ?? []).flatMap((s) => this.styled(s));
      if (after === null || panel.overview === null) panel.overview = series;
      else {
        const joined = merged(panel.overview, series, this.common);
        if (joined === null) {
          again.push(panel);
          continue;
        }
        panel.overview = joined;
        if (panel.detail !== null && panel.zoom !== null)
          panel.detail = within(panel.detail, series, panel.zoom, this.common);
      }
      panel.cursor = answer.cursor;
      this.publish(panel);
    }
    if (again.length > 0) await this.ask(again, null);
    if (!this.closed && panels.some((panel) => panel.stale && panel.seen > 0)) this.refreshSoon();
    void this.refineAll(panels);
  }

  private refine(panel: Panel): void {
    if (panel.zoom !== null && this.zoomTimer === null) void this.refineAll([panel]);
  }

  /** Asks for finer data of the ranges that panels show, where their overview does not hold all points. */
  private async refineAll(panels: readonly Panel[]): Promise<void> {
    if (!this.refines) return;
    const byRange = new Map<string, { range: Range; panels: Panel[] }>();
    for (const panel of panels) {
      const range = panel.zoom;
      if (range === null || same(panel.detailOf, range)) continue;
      if (!panel.overview?.some((s) => s.n < s.of)) continue;
      const key = `${range.from} ${range.to}`;
      const group = byRange.get(key) ?? { range, panels: [] };
      group.panels.push(panel);
      byRange.set(key, group);
    }
    for (const group of byRange.values())
      for (const some of this.batches(group.panels)) await this.refineSome(some, group.range);
  }

  private async refineSome(panels: Panel[], range: Range): Promise<void> {
    for (const panel of panels) panel.detailOf = range;
    const answer = await this.request(panels, { from: range.from, to: range.to });
    if (answer === null) return;
    const came = byMetric(answer.series);
    for (const panel of panels) {
      if (!same(panel.zoom, range)) continue;
      panel.detail = panel.metrics.flatMap((metric) => came.get(metric) ?? []).flatMap((s) => this.styled(s));
      this.publish(panel);
    }
  }

  private async request(panels: Panel[], more: Partial<SeriesAsked>): Promise<SeriesAnswer | null> {
    const batch: Batch = { abort: new AbortController(), panels };
    for (const panel of panels) {
      panel.waits.add(batch);
      this.publish(panel);
    }
    try {
      const metric = [...new Set(panels.flatMap((panel) => panel.metrics))];
      return await this.fetch({ ...this.common, metric, ...more }, batch.abort.signal);
    } catch (error) {
      if (!batch.abort.signal.aborted)
        for (const panel of panels)
          panel.data.value = { ...panel.data.value, error: error instanceof Error ? error.message : String(error) };
      else for (const panel of panels) if (more.from !== undefined) panel.detailOf = null;
      return null;
    } finally {
      for (const panel of panels) {
        panel.waits.delete(batch);
        if (!this.closed) panel.data.value = { ...panel.data.value, busy: panel.waits.size > 0 };
        // Seen again while its request was being taken back.
        if (panel.seen > 0 && panel.overview === null && batch.abort.signal.aborted && !this.closed) this.queue(panel);
      }
    }
  }

  private publish(panel: Panel): void {
    if (this.closed) return;
    const overview = panel.overview ?? [];
    const range = panel.detailOf;
    const finer = panel.detail !== null && range !== null && panel.zoom !== null;
    const series = finer ? spliced(overview, panel.detail ?? [], range, this.common) : overview;
    panel.data.value = { series, busy: panel.waits.size > 0, error: null, known: panel.overview !== null };
  }

  private batches(panels: readonly Panel[]): Panel[][] {
    const found: Panel[][] = [];
    let used = Infinity;
    for (const panel of panels) {
      if (used + panel.metrics.length > this.metricsMax) {
        found.push([]);
        used = 0;
      }
      (found[found.length - 1] as Panel[]).push(panel);
      used += panel.metrics.length;
    }
    return found;
  }

  private styled(s: Series): PlotSeries[] {
    return plotted(s, this.style(s));
  }
}

/** A series of the API as charts draw it, by x; texts are no lines, booleans are 0 and 1. */
export function plotted(s: Series, style: { label: string; colour: string }): PlotSeries[] {
  if (s.kind === "string" || s.kind === "null" || s.value.some((v) => typeof v === "string")) return [];
  const ascends = s.x.every((x, i) => i === 0 || x >= (s.x[i - 1] as number));
  const order = ascends ? null : s.x.map((_, i) => i).sort((a, b) => (s.x[a] as number) - (s.x[b] as number) || a - b);
  const placed = <T>(all: readonly T[]): T[] => (order === null ? (all as T[]) : order.map((i) => all[i] as T));
  return [
    {
      ...s,
      ...style,
      x: placed(s.x),
      value: placed(s.value.map((v) => (v === null ? null : Number(v)))),
      band: s.band as PlotSeries["band"],
      slowest_rank: s.slowest_rank === null ? null : placed(s.slowest_rank),
      marks: s.marks as PlotSeries["marks"],
    },
  ];
}

/** The overview outside of a range, the finer data inside; n and of are those of the finer data. */
export function spliced(
  overview: readonly PlotSeries[],
  detail: readonly PlotSeries[],
  range: Range,
  common: Common,
): readonly PlotSeries[] {
  const finer = new Map(detail.map((s) => [lineOf(s, common), s]));
  return overview.map((s) => {
    const fine = finer.get(lineOf(s, common));
    if (fine === undefined) return s;
    const [first, last] = indices(s.x, range);
    const cut = <T>(old: readonly T[], fresh: readonly T[]): T[] => [
      ...old.slice(0, first),
      ...fresh,
      ...old.slice(last),
    ];
    const outside = s.marks.filter((mark) => mark.x < range.from || mark.x > range.to);
    let band = fine.band;
    if (s.band !== null) {
      const [a, b] = indices(s.band.x, range);
      const inside = fine.band ?? { x: [], min: [], max: [] };
      band = {
        x: [...s.band.x.slice(0, a), ...inside.x, ...s.band.x.slice(b)],
        min: [...s.band.min.slice(0, a), ...inside.min, ...s.band.min.slice(b)],
        max: [...s.band.max.slice(0, a), ...inside.max, ...s.band.max.slice(b)],
      };
    }
    return {
      ...s,
      n: fine.n,
      of: fine.of,
      x: cut(s.x, fine.x),
      value: cut(s.value, fine.value),
      slowest_rank: s.slowest_rank && fine.slowest_rank ? cut(s.slowest_rank, fine.slowest_rank) : s.slowest_rank,
      band,
      marks: [...outside, ...fine.marks].sort((a, b) => a.x - b.x),
    };
  });
}

/** Overview with what came; null where all is to be asked again: only the whole can tell, or it has grown far too fine. */
function merged(overview: readonly PlotSeries[], came: readonly PlotSeries[], common: Common): PlotSeries[] | null {
  const fresh = new Map(came.map((s) => [lineOf(s, common), s]));
  const all: PlotSeries[] = [];
  for (const s of overview) {
    const more = fresh.get(lineOf(s, common));
    fresh.delete(lineOf(s, common));
    const longer = more === undefined ? s : more.change === "whole" ? more : append(s, more, common.fold === "ranks");
    if (longer === null || (longer !== more && tooFine(longer, common))) return null;
    all.push(longer);
  }
  return [...all, ...fresh.values()];
}

function tooFine(s: PlotSeries, common: Common): boolean {
  const buckets = common.buckets ?? 0;
  return buckets > 0 && s.x.length > 4 * buckets;
}

function within(detail: PlotSeries[], came: readonly PlotSeries[], range: Range, common: Common): PlotSeries[] {
  const fresh = new Map(came.map((s) => [lineOf(s, common), s]));
  return detail.map((s) => {
    const more = fresh.get(lineOf(s, common));
    if (more === undefined || more.change === "whole" || more.band !== null) return s;
    const [first, last] = indices(more.x, range);
    const inside = {
      ...more,
      x: more.x.slice(first, last),
      value: more.value.slice(first, last),
      n: last - first,
      of: last - first,
      marks: more.marks.filter((mark) => mark.x >= range.from && mark.x <= range.to),
    };
    return append(s, inside, common.fold === "ranks") ?? s;
  });
}

/** A line's identity: attempts are lines of their own only where all of them are asked for. */
function lineOf(s: PlotSeries, common: Common): string {
  return JSON.stringify([s.run_id, s.metric, s.column, s.axis, s.rank, common.attempt === "all" ? s.attempt : null]);
}

function same(a: Range | null, b: Range | null): boolean {
  return a === b || (a !== null && b !== null && a.from === b.from && a.to === b.to);
}

function byMetric(series: readonly Series[]): Map<string, Series[]> {
  const found = new Map<string, Series[]>();
  for (const s of series) {
    const key = refOf(s.metric, s.column);
    found.set(key, [...(found.get(key) ?? []), s]);
  }
  return found;
}

/** A metric as /series takes it: JSON of name and column, so that no name can be mistaken for something else. */
export function refOf(name: string, column: string | null): string {
  return JSON.stringify([name, column]);
}

/** A panel per metric by itself: sections by prefix, pinned ones first, only what is in sight drawn and asked for. */

import { type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { series as askSeries, type Series } from "../../../api";
import type { PlotSeries, Range } from "../../../charts/data";
import { Feed } from "../../../charts/feed";
import type { XAxis } from "../../../charts/options";
import { count, moment, short } from "../../../charts/wording";
import { change, place } from "../../../url";
import { summaries } from "../api";
import { useAsked } from "../asking";
import { tickOf, useRun } from "../state";
import { Controls } from "./Controls";
import { type Choices, decodeChoices, encodeChoices, type Ranks } from "./choices";
import { lineStyle } from "./lines";
import { Panel } from "./Panel";
import { isWithin, type PanelSpec, panelsOf, pathOf, searchOf, sectionsOf } from "./panels";
import { useSight } from "./sight";

const BUCKETS = 500;
const ANSWER_POINTS = 240_000; // within what the server tells as JSON, with room

const EAGER_UP_TO = 240; // so many panels are all in the document, as places; of more, only blocks near the sight
const BLOCK = 40;
const PANEL_PX = 244;

export interface Drawing {
  readonly feed: Feed;
  readonly choices: Choices;
  readonly axis: XAxis;
  /** The ref of the metric that is x, or null. */
  readonly xRef: string | null;
  readonly zoom: Signal<Range | null>;
  readonly lit: Signal<string | null>;
  readonly hoverOf: (s: PlotSeries) => string;
  readonly onRank: (rank: number) => void;
  readonly pin: (ref: string) => void;
}

export function ChartsTab() {
  const state = useRun();
  const { of, run, lit } = state;
  const choices = useComputed(() => decodeChoices(place.value.parameters)).value;
  const set = (some: Partial<Choices>, replace = false): void => change(encodeChoices(some), { replace });
  const asked = useAsked(JSON.stringify(of), tickOf(state, "points"), (aborted) => summaries(of, { signal: aborted }));
  const metrics = asked.value.data?.metrics ?? null;
  const { panels, texts, columns } = useMemo(() => panelsOf(metrics ?? [], choices.rows), [metrics, choices.rows]);
  const search = useMemo(() => searchOf(choices.q), [choices.q]);
  const found = useMemo(() => panels.filter((panel) => search.matches(pathOf(panel))), [panels, search]);
  const sections = useMemo(() => sectionsOf(found, choices.order), [found, choices.order]);
  const ranksHere = useMemo(
    () => [...new Set(run.writers.flatMap((w) => (w.rank === null ? [] : [w.rank])))].sort((a, b) => a - b),
    [run.writers],
  );
  const ranks: Ranks = choices.ranks ?? (ranksHere.length > 1 ? "band" : "each");
  const { x, attempt } = choices;
  const xRef = x.kind === "metric" ? x.ref : null;
  const axis = useMemo(() => axisOf(choices.x, panels), [choices.x.kind, xRef, panels]);

  const feed = useMemo(() => {
    const lines = (ranks === "each" ? Math.max(1, ranksHere.length) : 1) * (attempt === "all" ? run.attempt + 1 : 1);
    const buckets = Math.max(50, Math.min(BUCKETS, Math.floor(ANSWER_POINTS / (2 * lines))));
    return new Feed(
      (ask, aborted) => askSeries(of.workspace, ask, { signal: aborted }),
      {
        run_id: [of.run_id],
        buckets,
        x: x.kind === "metric" ? "step" : x.kind,
        fold: ranks === "band" ? "ranks" : "none",
        rank: typeof ranks === "number" ? ranks : undefined,
        attempt: attempt ?? undefined,
        as_of: of.as_of === "" ? undefined : of.as_of,
      },
      (s: Series) => lineStyle(s, { ranks, attempts: attempt === "all", latest: run.attempt }),
      x.kind !== "metric",
      Math.max(1, Math.min(24, Math.floor(ANSWER_POINTS / (2 * buckets * lines)))),
    );
  }, [of, ranks, attempt, x.kind, ranksHere.length]);
  useEffect(() => () => feed.close(), [feed]);
  useSignalEffect(() => {
    if (state.ticks.points.value > 0) feed.changed();
  });

  const zoom = useSignal<Range | null>(choices.zoom);
  useEffect(() => {
    zoom.value = choices.zoom;
    feed.setZoom(choices.zoom);
  }, [choices.zoom?.from, choices.zoom?.to, feed]);
  // A range of steps means nothing on another axis.
  const axisKey = `${x.kind} ${xRef ?? ""}`;
  const axisBefore = useRef(axisKey);
  useEffect(() => {
    if (axisBefore.current !== axisKey) set({ zoom: null }, true);
    axisBefore.current = axisKey;
  }, [axisKey]);

  const folded = useMemo(() => new Set(choices.folded), [choices.folded]);
  const pinned = useMemo(
    () => choices.pinned.flatMap((ref) => panels.find((panel) => panel.ref === ref) ?? []),
    [choices.pinned, panels],
  );
  const drawing: Drawing = {
    feed,
    choices,
    axis,
    xRef,
    zoom,
    lit,
    hoverOf: attempt === "all" ? (s) => `${s.rank} ${s.attempt}` : (s) => `${s.rank}`,
    onRank: () => set({ ranks: "each" }),
    pin: (ref) =>
      set({
        pinned: choices.pinned.includes(ref) ? choices.pinned.filter((p) => p !== ref) : [...choices.pinned, ref],
      }),
  };
  const eager = panels.length <= EAGER_UP_TO;
  const fold = (prefix: string): void =>
    set(
      { folded: folded.has(prefix) ? choices.folded.filter((p) => p !== prefix) : [...choices.folded, prefix] },
      true,
    );

  return (
    <div class="charts-tab">
      <Controls
        choices={choices}
        set={set}
        ranks={ranks}
        ranksHere={ranksHere}
        panels={panels}
        tableColumns={columns}
        error={search.error}
        told={told(found.length, panels.length, metrics === null)}
      />
      {asked.value.error !== null && (
        <p class="error pad" role="alert">
          {asked.value.error}
        </p>
      )}
      {metrics !== null && panels.length === 0 && (
        <div class="empty">
          <h2>{texts.length > 0 ? "No metric of this run is a number" : "No metrics yet"}</h2>
          <p>
            <code>run.log("loss", 0.31, step=7)</code> appears here as soon as it is folded.
          </p>
        </div>
      )}
      {pinned.length > 0 && (
        <section class="panel-section pinned" aria-label="Pinned">
          <h2 class="section-head">Pinned</h2>
          <Grid panels={pinned} drawing={drawing} eager={eager} />
        </section>
      )}
      {sections.map((section) =>
        isWithin(section.prefix, folded) ? null : (
          <section key={section.prefix} class="panel-section" aria-label={section.prefix || "Metrics"}>
            {(section.prefix !== "" || sections.length > 1) && (
              <h2 class="section-head">
                <button type="button" aria-expanded={!folded.has(section.prefix)} onClick={() => fold(section.prefix)}>
                  <span class="twist" aria-hidden="true" />
                  {section.prefix || "no prefix"}
                  <span class="muted"> {count(section.prefix === "" ? section.panels.length : section.count)}</span>
                </button>
              </h2>
            )}
            {!folded.has(section.prefix) && <Grid panels={section.panels} drawing={drawing} eager={eager} />}
          </section>
        ),
      )}
      {texts.length > 0 && choices.q === "" && (
        <section class="panel-section" aria-label="Texts">
          <h2 class="section-head">Texts</h2>
          <table class="facts">
            <thead>
              <tr>
                <th scope="col">metric</th>
                <th scope="col">last value</th>
                <th scope="col">values</th>
                <th scope="col">last at</th>
              </tr>
            </thead>
            <tbody>
              {texts.map((text) => (
                <tr key={text.name + text.axis}>
                  <th scope="row">{text.name}</th>
                  <td>{typeof text.last === "number" ? short(text.last) : String(text.last)}</td>
                  <td class="num">{count(text.points)}</td>
                  <td>{moment(text.last_time)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </div>
  );
}

/** Panels in blocks: of many, a block is an empty place of about its height until it comes near. */
function Grid({ panels, drawing, eager }: { panels: readonly PanelSpec[]; drawing: Drawing; eager: boolean }) {
  const columns = drawing.choices.columns || columnsThatFit();
  const size = columns * Math.ceil(BLOCK / columns);
  if (eager || panels.length <= size)
    return <Block panels={panels} drawing={drawing} columns={columns} eager={eager} />;
  const blocks = Array.from({ length: Math.ceil(panels.length / size) }, (_, i) =>
    panels.slice(i * size, (i + 1) * size),
  );
  return (
    <>
      {blocks.map((some) => (
        <Block key={some[0]?.ref} panels={some} drawing={drawing} columns={columns} eager={false} />
      ))}
    </>
  );
}

interface BlockProps {
  panels: readonly PanelSpec[];
  drawing: Drawing;
  columns: number;
  eager: boolean;
}

function Block({ panels, drawing, columns, eager }: BlockProps) {
  const place = useRef<HTMLDivElement>(null);
  const inSight = useSight(place);
  const seen = useSignal(eager);
  if (inSight.value && !seen.peek()) seen.value = true;
  const fixed = drawing.choices.columns === 0 ? {} : { gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` };
  return (
    <div
      class="panel-grid"
      ref={place}
      style={seen.value ? fixed : { height: `${Math.ceil(panels.length / columns) * PANEL_PX}px` }}
    >
      {seen.value && panels.map((panel) => <Panel key={panel.ref} panel={panel} drawing={drawing} />)}
    </div>
  );
}

/** As the style sheet places them: at least 340 pixels wide, 8 apart. */
function columnsThatFit(): number {
  return Math.max(1, Math.floor((innerWidth - 28 + 8) / 348));
}

function axisOf(x: Choices["x"], panels: readonly PanelSpec[]): XAxis {
  if (x.kind === "metric") {
    const of = panels.find((panel) => panel.ref === x.ref);
    return { kind: "metric", label: of ? pathOf(of) : "metric" };
  }
  return {
    kind: x.kind,
    label: { step: "step", relative: "since the start", time: "time", ordinal: "ordinal" }[x.kind],
  };
}

function told(found: number, all: number, unknown: boolean): string {
  if (unknown) return "";
  return found === all ? `${count(all)} charts` : `${count(found)} of ${count(all)} charts`;
}

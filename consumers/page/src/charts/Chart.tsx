/**
 * A chart of series: drawn by uPlot, told in words, operable by keys, with its data to take away.
 *
 * Keys on the focused plot: arrows move the cursor (with Shift ten points), Home and End jump, + and - zoom around the
 * cursor, 0 or Escape shows all, up and down light one line after another.
 */

import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { ChartLegend } from "./ChartLegend";
import { ChartMenu } from "./ChartMenu";
import { ChartTable } from "./ChartTable";
import { nonPositive, type PlotSeries, type Range, slowest, xExtent } from "./data";
import { look } from "./look";
import { type XAxis, xText } from "./options";
import { type AtCursor, Plot } from "./plot";
import type { Smoothing } from "./smoothing";
import { count, nOfM, short } from "./wording";
import { bounded, nextStop, zoomed } from "./zooming";

export interface ChartProps {
  title: string;
  series: readonly PlotSeries[];
  x: XAxis;
  /** Range of x, null for all. Give panels the same signal and they zoom together. */
  zoom: Signal<Range | null>;
  /** What is lit: the key (`hoverOf`) of the line under a pointer in any chart that shares the signal. */
  hoverRun: Signal<string | null>;
  hoverOf?: ((s: PlotSeries) => string) | undefined;
  /** Told after the zoom has changed here, to fetch finer data; the old data stays until it is given new ones. */
  onZoom?: ((range: Range | null) => void) | undefined;
  smoothing?: Smoothing | undefined;
  xLog?: boolean | undefined;
  yLog?: boolean | undefined;
  csvName?: string | undefined;
  /** Saves all points, unsampled. */
  unsampled?: (() => Promise<void>) | undefined;
  /** A click on the slowest rank's name. */
  onRank?: ((rank: number) => void) | undefined;
  /** Facts that the reader must know, such as how x was made. */
  notes?: readonly string[] | undefined;
  busy?: boolean | undefined;
  error?: string | null | undefined;
  height?: number | undefined;
  children?: ComponentChildren;
}

const NO_SMOOTHING: Smoothing = { kind: "none" };

export function Chart(props: ChartProps) {
  const { series, x, zoom, hoverRun, xLog = false, yLog = false, height = 180 } = props;
  const smoothing = props.smoothing ?? NO_SMOOTHING;
  const hoverOf = props.hoverOf ?? ((s: PlotSeries) => s.run_id);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const yZoom = useSignal<Range | null>(null);
  const at = useSignal<AtCursor | null>(null);
  const spoken = useSignal("");
  const asTable = useSignal(false);
  const latest = useRef({ ...props, hoverOf });
  latest.current = { ...props, hoverOf };

  const litOf = (of: readonly PlotSeries[]): number[] | null => {
    const key = hoverRun.peek();
    if (key === null) return null;
    const lit = of.flatMap((s, i) => (hoverOf(s) === key ? [i] : []));
    return lit.length > 0 ? lit : null;
  };
  const shown = () => ({
    series,
    axis: x,
    xLog,
    yLog,
    smoothing,
    zoom: zoom.peek(),
    yZoom: yZoom.peek(),
    lit: litOf,
    look: look.peek(),
  });

  const show = (range: Range | null, y: Range | null = null): void => {
    yZoom.value = y;
    if (zoom.peek() !== range) {
      zoom.value = range;
      latest.current.onZoom?.(range);
    }
  };

  useLayoutEffect(() => {
    const element = host.current;
    if (element === null || asTable.value) return;
    const made = new Plot(
      element,
      shown(),
      {
        onCursor: (where) => {
          at.value = where;
        },
        onHover: (which) => {
          const s = which === null ? undefined : latest.current.series[which];
          hoverRun.value = s ? latest.current.hoverOf(s) : null;
        },
        onSelect: (range, y) => show(range ?? (y ? zoom.peek() : null), y),
      },
      Math.max(120, element.clientWidth),
      height,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => made.resize(Math.max(120, element.clientWidth), height));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [asTable.value, height]);

  useLayoutEffect(() => plot.current?.update(shown()));
  useSignalEffect(() => {
    // Read so that a change of any redraws without a render.
    void [zoom.value, yZoom.value, hoverRun.value, look.value];
    plot.current?.update(shown());
  });
  useEffect(() => {
    yZoom.value = null;
  }, [yLog, x.kind, x.label]);

  const refused = useMemo(
    () => ({ x: xLog ? nonPositive(series, "x") : 0, y: yLog ? nonPositive(series, "y") : 0 }),
    [series, xLog, yLog],
  );
  const n = series.reduce((sum, s) => sum + s.n, 0);
  const of = series.reduce((sum, s) => sum + s.of, 0);
  const marks = series.reduce((sum, s) => sum + s.marks_of, 0);
  const range = zoom.value;
  const slow = useMemo(
    () => series.map((s) => slowest(s, range)).find((found) => found !== null) ?? null,
    [series, range],
  );
  const told = foot(props, n, of, marks, refused, range);

  const onKeyDown = (event: KeyboardEvent): void => {
    const handled = key(event, {
      plot: plot.current,
      series,
      at: at.peek()?.x ?? null,
      xLog,
      bounds: xExtent(series, xLog),
      show,
      light: (step) => {
        const keys = [...new Set(series.map(hoverOf))];
        const now = keys.indexOf(hoverRun.peek() ?? "");
        hoverRun.value = keys.length === 0 ? null : (keys[(now + step + keys.length) % keys.length] ?? null);
      },
    });
    if (!handled) return;
    event.preventDefault();
    spoken.value = aloud(x, at.peek(), series) || spoken.peek();
  };

  return (
    <figure class="chart" data-busy={props.busy ? "true" : undefined} data-title={props.title}>
      <figcaption class="chart-head">
        <span class="chart-title" title={props.title}>
          {props.title}
        </span>
        {series.length === 1 && <Readout x={x} at={at.value} s={series[0] as PlotSeries} smoothing={smoothing} />}
        <span class="chart-tools">
          {props.children}
          {(range !== null || yZoom.value !== null) && (
            <button type="button" class="chart-tool" onClick={() => show(null)} title="Show all (0)">
              all
            </button>
          )}
          <ChartMenu {...props} smoothing={smoothing} plot={plot} foot={told.join(" · ")} asTable={asTable} />
        </span>
      </figcaption>
      {asTable.value ? (
        <ChartTable title={props.title} series={series} x={x} smoothing={smoothing} zoom={range} height={height} />
      ) : (
        <div
          ref={host}
          class="chart-plot"
          role="group"
          aria-roledescription="chart"
          aria-label={`${props.title}: ${summary(series, x)}. ${told.join(". ")}. Arrows move the cursor, + and - zoom, 0 shows all.`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the plot is operated by keys
          tabIndex={0}
          onKeyDown={onKeyDown}
          onBlur={() => plot.current?.cursor(null)}
        />
      )}
      {props.error && (
        <p class="chart-error" role="alert">
          {props.error}
        </p>
      )}
      {series.length > 1 && <ChartLegend series={series} at={at.value} x={x} hoverRun={hoverRun} hoverOf={hoverOf} />}
      <p class="chart-foot">
        {told.map((text) => (
          <span key={text}>{text}</span>
        ))}
        {slow && (
          <span class="chart-slowest">
            slowest{" "}
            <button type="button" class="chart-link" onClick={() => props.onRank?.(slow.rank)} disabled={!props.onRank}>
              rank {slow.rank}
            </button>{" "}
            ({count(slow.times)} of {count(slow.of)})
          </span>
        )}
      </p>
      <output class="unseen" aria-live="polite">
        {spoken.value}
      </output>
    </figure>
  );
}

function Readout({ x, at, s, smoothing }: { x: XAxis; at: AtCursor | null; s: PlotSeries; smoothing: Smoothing }) {
  if (at?.mark)
    return (
      <span class="chart-readout">
        <b>{short(Number(at.mark))}</b> at {xText(x, at.x)}
      </span>
    );
  const raw = at ? at.layers[0] : undefined;
  const index = at ? (at.index[0] ?? -1) : s.value.length - 1;
  const value = raw && index >= 0 ? raw.value[index] : at ? null : (s.value[index] ?? null);
  const where = raw && index >= 0 ? raw.x[index] : at ? null : s.x[index];
  const smooth = smoothing.kind !== "none" && at ? at.layers[1]?.value[at.index[1] ?? -1] : null;
  return (
    <span class="chart-readout">
      <b>{short(value)}</b>
      {smooth !== null && smooth !== undefined && <> ~ {short(smooth)}</>}
      {where !== null && where !== undefined && <> at {xText(x, where)}</>}
    </span>
  );
}

/** What the line below a chart says; always how many points of how many. */
function foot(
  props: ChartProps,
  n: number,
  of: number,
  marks: number,
  refused: { x: number; y: number },
  zoom: Range | null,
): string[] {
  const told = [nOfM(n, of) + (zoom ? " here" : "")];
  if (props.series.some((s) => s.band !== null && (s.n < s.of || s.slowest_rank !== null)))
    told.push(props.series.some((s) => s.slowest_rank) ? "band: min to max over ranks" : "band: min to max");
  const marked = props.series.reduce((sum, s) => sum + s.marks.length, 0);
  if (marks > 0)
    told.push(`${count(marks)} not finite${marked < marks ? `, the first ${count(marked)} marked` : ", marked"}`);
  if (refused.y > 0) told.push(`${count(refused.y)} values ≤ 0 have no place on the log axis`);
  if (refused.x > 0) told.push(`${count(refused.x)} points with x ≤ 0 have no place on the log axis`);
  if ((props.smoothing ?? NO_SMOOTHING).kind !== "none" && n < of) told.push("smoothed over the points shown");
  return [...told, ...(props.notes ?? [])];
}

function summary(series: readonly PlotSeries[], x: XAxis): string {
  if (series.length === 0) return "no points";
  if (series.length > 1) return `${series.length} lines over ${x.label}`;
  const s = series[0] as PlotSeries;
  const finite = s.value.filter((v): v is number => v !== null);
  if (finite.length === 0) return "no finite values";
  let min = Infinity;
  let max = -Infinity;
  for (const v of finite) {
    min = Math.min(min, v);
    max = Math.max(max, v);
  }
  return `over ${x.label}, from ${short(min)} to ${short(max)}, last ${short(finite[finite.length - 1])}`;
}

function aloud(x: XAxis, at: AtCursor | null, series: readonly PlotSeries[]): string {
  if (at === null) return "";
  const told = at.layers.flatMap((layer, i) => {
    const index = at.index[i] ?? -1;
    const s = series[layer.series];
    if (index < 0 || layer.what === "smoothed" || !s) return [];
    return [`${s.label} ${short(layer.value[index])}`];
  });
  return `${x.label} ${xText(x, at.x)}: ${told.slice(0, 6).join(", ")}`;
}

interface Keys {
  plot: Plot | null;
  series: readonly PlotSeries[];
  at: number | null;
  xLog: boolean;
  bounds: { min: number; max: number } | null;
  show: (range: Range | null) => void;
  light: (step: number) => void;
}

/** Does what a key asks for; false where it means nothing here. */
function key(event: KeyboardEvent, to: Keys): boolean {
  const { plot, bounds } = to;
  if (plot === null || bounds === null || event.ctrlKey || event.metaKey || event.altKey) return false;
  const range = plot.range() ?? { from: bounds.min, to: bounds.max };
  const stops = to.series.reduce<readonly number[]>((most, s) => (s.x.length > most.length ? s.x : most), []);
  const step = event.shiftKey ? 10 : 1;
  const move = (x: number | null): boolean => {
    if (x === null) return true;
    if (x < range.from || x > range.to) {
      const by = x < range.from ? x - range.from : x - range.to;
      to.show({ from: range.from + by, to: range.to + by });
    }
    plot.cursor(x);
    return true;
  };
  const zoomBy = (factor: number): boolean => {
    const around = to.at ?? (range.from + range.to) / 2;
    to.show(bounded(zoomed(range, around, factor, to.xLog), { from: bounds.min, to: bounds.max }));
    plot.cursor(to.at);
    return true;
  };
  switch (event.key) {
    case "ArrowRight":
      return move(nextStop(stops, to.at, step));
    case "ArrowLeft":
      return move(nextStop(stops, to.at, -step));
    case "Home":
      return move(stops[0] ?? null);
    case "End":
      return move(stops[stops.length - 1] ?? null);
    case "ArrowUp":
      to.light(-1);
      return true;
    case "ArrowDown":
      to.light(1);
      return true;
    case "+":
    case "=":
      return zoomBy(0.5);
    case "-":
    case "_":
      return zoomBy(2);
    case "0":
    case "Escape":
      to.show(null);
      return true;
    default:
      return false;
  }
}

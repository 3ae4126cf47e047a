/** One panel: a place of fixed height until it comes near; then its chart, fed and kept up to date. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ApiError, address, series as askSeries, below } from "../../../api";
import { Chart } from "../../../charts/Chart";
import { against, type Range } from "../../../charts/data";
import { fileName, save, unsampledCsv } from "../../../charts/exporting";
import { count, nOfM, short } from "../../../charts/wording";
import { say } from "../../../parts";
import { change } from "../../../url";
import type { Of } from "../api";
import { why } from "../asking";
import { useRun } from "../state";
import type { Drawing } from "./ChartsTab";
import { encodeChoices } from "./choices";
import { type PanelSpec, pathOf } from "./panels";
import { useSight } from "./sight";

const NO_NOTES: readonly string[] = [];
const ORDINAL_NOTE = ["logged without a step: x is the order of logging"];
const ROW_NOTE = ["a column of rows: x is the order of logging"];

export function Panel({ panel, drawing }: { panel: PanelSpec; drawing: Drawing }) {
  const { of } = useRun();
  const { feed, choices, axis, xRef } = drawing;
  const place = useRef<HTMLDivElement>(null);
  const inSight = useSight(place);
  const refs = useMemo(
    () => (xRef === null || xRef === panel.ref ? [panel.ref] : [panel.ref, xRef]),
    [panel.ref, xRef],
  );
  const alone = useSignal<Range | null>(null);
  useEffect(() => {
    if (!inSight.value) return undefined;
    feed.see(refs, true);
    return () => feed.see(refs, false);
  }, [inSight.value, feed, refs]);
  const data = feed.data(refs).value;
  const { series, notes } = useMemo(() => {
    if (xRef === null) return { series: data.series, notes: notesOf(panel) };
    const mine = data.series.filter((s) => JSON.stringify([s.metric, s.column]) === panel.ref);
    const xs = data.series.filter((s) => JSON.stringify([s.metric, s.column]) === xRef);
    let unplaced = 0;
    const made = mine.flatMap((s) => {
      const x = xs.find((other) => other.rank === s.rank && other.attempt === s.attempt) ?? xs[0];
      if (x === undefined) return [];
      const placed = against(s, x);
      unplaced += placed.unplaced;
      return [placed.series];
    });
    const told = [`x is the last ${axis.label} logged at or before each step`];
    if (unplaced > 0) told.push(`${count(unplaced)} points lie before its first`);
    return { series: made, notes: told };
  }, [data.series, xRef, panel, axis.label]);
  const zoom = choices.alone ? alone : drawing.zoom;
  const onZoom = (range: Range | null): void => {
    if (choices.alone) feed.setZoom(range, refs);
    else change(encodeChoices({ zoom: range }), { replace: true });
  };
  const path = pathOf(panel);
  const pinned = choices.pinned.includes(panel.ref);
  const single = !inSight.value || !data.known;
  return (
    <div class="panel-place" ref={place} data-metric={path} data-drawn={single ? undefined : "true"}>
      {single ? (
        <div class="chart" aria-busy={inSight.value && data.error === null}>
          <p class="chart-head">
            <span class="chart-title" title={path}>
              {panel.title}
            </span>
            <span class="chart-readout">
              <b>
                {typeof panel.summary.last === "number" ? short(panel.summary.last) : String(panel.summary.last ?? "–")}
              </b>
            </span>
          </p>
          <div class="chart-place" />
          <p class="chart-foot">
            {data.error !== null ? (
              <span class="error">{data.error}</span>
            ) : (
              nOfM(panel.summary.points, panel.summary.points)
            )}
          </p>
        </div>
      ) : (
        <Chart
          title={panel.title}
          csvName={`${of.run_id}_${path}`}
          series={series}
          x={axis}
          zoom={zoom}
          hoverRun={drawing.lit}
          hoverOf={drawing.hoverOf}
          onZoom={onZoom}
          smoothing={choices.smoothing}
          xLog={choices.xLog}
          yLog={choices.yLog}
          onRank={drawing.onRank}
          notes={notes}
          busy={data.busy}
          error={data.error}
          unsampled={() => saveAll(of, panel, path)}
        >
          <button
            type="button"
            class="chart-tool pin"
            aria-pressed={pinned}
            aria-label={`Pin ${path}`}
            title={pinned ? "Take the pin away" : "Pin"}
            onClick={() => drawing.pin(panel.ref)}
          >
            <svg width="11" height="11" viewBox="0 0 16 16" aria-hidden="true">
              <path
                d="M5 1h6l-1 5 3 3H9v6H7V9H3l3-3z"
                fill={pinned ? "currentColor" : "none"}
                stroke="currentColor"
                stroke-width="1.4"
              />
            </svg>
          </button>
        </Chart>
      )}
    </div>
  );
}

function notesOf(panel: PanelSpec): readonly string[] {
  if (panel.summary.axis === "row") return ROW_NOTE;
  return panel.summary.axis === "ordinal" ? ORDINAL_NOTE : NO_NOTES;
}

/** All points of the metric as CSV, unsampled; where they are too many for that, the run's points as Parquet. */
async function saveAll(of: Of, panel: PanelSpec, path: string): Promise<void> {
  const as_of = of.as_of === "" ? undefined : of.as_of;
  try {
    const answer = await askSeries(of.workspace, {
      run_id: [of.run_id],
      metric: [panel.ref],
      attempt: "all",
      buckets: 0,
      as_of,
    });
    save(fileName(`${of.run_id}_${path}_all`, "csv"), unsampledCsv(answer.series));
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "too_many_points") return say(why(error), "bad");
    say("These are too many points for CSV: all points of the run come as Parquet instead.");
    const q = `run_id = ${JSON.stringify(of.run_id)}`;
    location.assign(
      address(below(of.workspace, "export"), { what: "points", format: "parquet", q, include_children: true }),
    );
  }
}

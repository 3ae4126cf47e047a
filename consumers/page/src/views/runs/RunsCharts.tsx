/** Charts beside the table: a chosen metric each, the lines of the runs whose eye is open, in their colours. */

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { changesOf, type FoundRun, series } from "../../api";
import { Chart } from "../../charts/Chart";
import type { Range } from "../../charts/data";
import { Feed, refOf } from "../../charts/feed";
import { count } from "../../charts/wording";
import { Button, Choice } from "../../parts";
import { colourOf, isShown } from "../../runs/colours";
import { labelOf, metricOf } from "../../runs/refs";
import { nameOf } from "../../runs/wording";
import { MetricAdder } from "./MetricAdder";

/** Lines in one chart: more are a tangle, and say so. */
export const DRAWN_MAX = 24;
const BUCKETS = 400;

export type X = "step" | "relative" | "time";

export function RunsCharts({
  workspace,
  runs,
  of,
  metrics,
  lit,
  onMetrics,
}: {
  workspace: string;
  /** Loaded runs, in the order of the table. */
  runs: readonly FoundRun[];
  of: number;
  metrics: readonly string[];
  lit: Signal<string | null>;
  onMetrics: (metrics: readonly string[]) => void;
}) {
  const x = useSignal<X>("step");
  const zoom = useSignal<Range | null>(null);
  const log = useSignal(false);
  const drawn: FoundRun[] = [];
  for (const run of runs) {
    if (drawn.length === DRAWN_MAX) break;
    if (isShown(run.run_id)) drawn.push(run);
  }
  return (
    <aside class="beside" aria-label="Charts of the shown runs">
      <div class="bar">
        <span class="muted" title="Runs whose eye is open, from the top of the table">
          {count(drawn.length)} of {count(of)} runs drawn
        </span>
        <span class="fill" />
        <Choice
          label="x"
          value={x.value}
          options={[
            ["step", "step"],
            ["relative", "relative"],
            ["time", "time"],
          ]}
          onChange={(value) => {
            zoom.value = null;
            x.value = value as X;
          }}
        />
        <Button
          small
          pressed={log.value}
          onClick={() => {
            log.value = !log.value;
          }}
        >
          log y
        </Button>
        <MetricAdder workspace={workspace} without={metrics} onAdd={(ref) => onMetrics([...metrics, ref])} />
      </div>
      <Overlays
        workspace={workspace}
        runs={drawn}
        metrics={metrics}
        x={x.value}
        yLog={log.value}
        zoom={zoom}
        lit={lit}
        onRemove={(ref) => onMetrics(metrics.filter((one) => one !== ref))}
      />
    </aside>
  );
}

/** A chart per metric over some runs; live, zoom and light shared. */
export function Overlays({
  workspace,
  runs,
  metrics,
  x,
  yLog,
  zoom,
  lit,
  onRemove,
  height = 170,
}: {
  workspace: string;
  runs: readonly Pick<FoundRun, "run_id" | "name" | "number">[];
  metrics: readonly string[];
  x: X;
  yLog: boolean;
  zoom: Signal<Range | null>;
  lit: Signal<string | null>;
  onRemove?: (ref: string) => void;
  height?: number;
}) {
  const ids = runs.map((run) => run.run_id).join("\n");
  const names = useRef(new Map<string, string>());
  names.current = new Map(runs.map((run) => [run.run_id, nameOf(run)]));
  const feed = useMemo(
    () =>
      new Feed(
        (asked, aborted) => series(workspace, asked, { signal: aborted }),
        { run_id: ids === "" ? [] : ids.split("\n"), fold: "ranks", buckets: BUCKETS, x },
        (one) => ({ label: names.current.get(one.run_id) ?? one.run_id, colour: colourOf(one.run_id) }),
      ),
    [workspace, ids, x],
  );
  useEffect(() => {
    const drawn = new Set(ids.split("\n"));
    const end = changesOf(workspace, (changes) => {
      const came = Object.entries(changes.runs).some(([id, kinds]) => drawn.has(id) && kinds.includes("points"));
      if (came || changes.reset) feed.changed();
    });
    return () => {
      end();
      feed.close();
    };
  }, [feed, workspace, ids]);
  if (metrics.length === 0) return <p class="hint pad">Choose a metric to see its lines here.</p>;
  if (runs.length === 0) return <p class="hint pad">No run is shown: open the eye of one.</p>;
  return (
    <div class="charts">
      {metrics.map((ref) => (
        <Panel
          key={ref}
          feed={feed}
          metric={ref}
          x={x}
          yLog={yLog}
          zoom={zoom}
          lit={lit}
          height={height}
          onRemove={onRemove}
        />
      ))}
    </div>
  );
}

function Panel({
  feed,
  metric: ref,
  x,
  yLog,
  zoom,
  lit,
  height,
  onRemove,
}: {
  feed: Feed;
  metric: string;
  x: X;
  yLog: boolean;
  zoom: Signal<Range | null>;
  lit: Signal<string | null>;
  height: number;
  onRemove: ((ref: string) => void) | undefined;
}) {
  const metric = metricOf(ref);
  const asked = useMemo(() => [metric === null ? ref : refOf(metric.name, metric.column)], [ref]);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let there = false;
    const observer = new IntersectionObserver((entries) => {
      const inSight = entries.some((entry) => entry.isIntersecting);
      if (inSight === there) return;
      there = inSight;
      feed.see(asked, inSight);
    });
    if (box.current !== null) observer.observe(box.current);
    return () => {
      observer.disconnect();
      if (there) feed.see(asked, false);
    };
  }, [feed, asked]);
  const data = feed.data(asked).value;
  const before = useRef(data.series); // stays until the lines of other runs are there
  if (data.known) before.current = data.series;
  return (
    <div ref={box} class="chart-box">
      <Chart
        title={labelOf(ref)}
        series={before.current}
        x={{ kind: x, label: x }}
        zoom={zoom}
        hoverRun={lit}
        onZoom={(range) => feed.setZoom(range)}
        yLog={yLog}
        busy={data.busy}
        error={data.error}
        height={height}
        csvName={labelOf(ref)}
      >
        {onRemove === undefined ? null : (
          <Button kind="quiet" small label={`Remove the chart of ${labelOf(ref)}`} onClick={() => onRemove(ref)}>
            ×
          </Button>
        )}
      </Chart>
    </div>
  );
}

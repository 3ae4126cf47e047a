/** Runs side by side: their lines over each other, what differs, any value against any other. */

import { type Signal, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Range } from "../../charts/data";
import { count } from "../../charts/wording";
import { Button, Choice, Tabs } from "../../parts";
import { colourOf, isShown, show } from "../../runs/colours";
import { quoted, refOf, segments, splitRefs } from "../../runs/refs";
import { Failure } from "../../shell/Failure";
import { change, encode, workspace as here, parameter, to } from "../../url";
import { EyeIcon } from "../runs/EyeIcon";
import { MetricAdder } from "../runs/MetricAdder";
import { useMetrics } from "../runs/metrics";
import { Overlays, type X } from "../runs/RunsCharts";
import "../runs/runs.css";
import "./compare.css";
import { Code } from "./Code";
import { Differences, titleOf } from "./Differences";
import { differences } from "./differences";
import type { Brushes } from "./drawing";
import { useDetails, useRows } from "./loading";
import { ParallelCoordinates, Scatter } from "./Plots";
import { Values } from "./Values";

export const RUNS_MAX = 200;
const OWN_METRICS = 8;
const TABLE_METRICS_MAX = 60;
const AXES_OWN = 4;

export default function CompareView() {
  const workspace = here.value;
  const asked = idsOf(parameter("runs"));
  const ids = asked.slice(0, RUNS_MAX).join("\n");
  const details = useDetails(workspace, ids).value;
  const { runs, missing } = details.value;
  const metrics = useMetrics(
    workspace,
    useMemo(() => filterOf(ids), [ids]),
  );
  const tab = parameter("tab", "overlays");
  const charts = listOf("charts") ?? metrics.slice(0, OWN_METRICS);
  const found = useMemo(() => differences(runs), [runs]);
  const lit = useSignal<string | null>(null);
  if (asked.length === 0) return <NothingChosen />;
  if (details.error !== null) return <Failure error={details.error} />;
  return (
    <section class="compare" aria-label="Compared runs">
      <div class="toolbar">
        <h1>Compare {count(runs.length)} runs</h1>
        {asked.length > RUNS_MAX ? (
          <p class="error">
            The first {RUNS_MAX} of {count(asked.length)} runs.
          </p>
        ) : null}
        {missing.length > 0 ? <p class="error">Unknown here: {missing.join(", ")}</p> : null}
        <span class="fill" />
        <a class="button" href={encode(to("runs"))}>
          All runs
        </a>
      </div>
      <div class="sides">
        <ul class="runs-list" aria-label="Runs">
          {runs.map((run) => (
            <li
              key={run.run_id}
              class={lit.value === run.run_id ? "lit" : ""}
              onMouseEnter={() => {
                lit.value = run.run_id;
              }}
              onMouseLeave={() => {
                lit.value = null;
              }}
            >
              <Button
                kind="quiet"
                small
                label={`${isShown(run.run_id) ? "Hide" : "Show"} ${titleOf(run)} in charts`}
                pressed={isShown(run.run_id)}
                onClick={() => show([run.run_id], !isShown(run.run_id))}
              >
                <EyeIcon open={isShown(run.run_id)} />
              </Button>
              <span class="swatch" style={{ background: colourOf(run.run_id) }} aria-hidden="true" />
              <a href={encode(to("run", {}, run.run_id))} title={run.run_id}>
                {titleOf(run)}
              </a>
              <Button
                kind="quiet"
                small
                label={`Take ${titleOf(run)} out`}
                onClick={() => setRuns(asked.filter((id) => id !== run.run_id))}
              >
                ×
              </Button>
            </li>
          ))}
        </ul>
        <Tabs
          label="Ways to compare"
          tabs={[
            { id: "overlays", label: "Overlays" },
            { id: "differences", label: "Differences", note: details.busy ? "" : found.rows.length },
            { id: "code", label: "Code" },
            { id: "scatter", label: "Scatter" },
            { id: "parallel", label: "Parallel coordinates" },
            { id: "values", label: "Values" },
          ]}
          current={tab}
          onChange={(id) => change({ tab: id === "overlays" ? null : id })}
        >
          {tab === "differences" ? (
            <Differences runs={runs} />
          ) : tab === "code" ? (
            details.busy ? (
              <p class="waiting">…</p>
            ) : (
              <Code workspace={workspace} runs={runs} />
            )
          ) : tab === "overlays" ? (
            <OverlaysTab
              workspace={workspace}
              runs={runs
                .filter((run) => isShown(run.run_id))
                .map((run) => ({ run_id: run.run_id, name: run.display_name, number: run.number }))}
              of={runs.length}
              charts={charts}
              lit={lit}
            />
          ) : (
            <ByValues
              workspace={workspace}
              ids={ids}
              tab={tab}
              metrics={metrics}
              differing={differingRefs(found.rows)}
              lit={lit}
            />
          )}
        </Tabs>
      </div>
    </section>
  );
}

function OverlaysTab({
  workspace,
  runs,
  of,
  charts,
  lit,
}: {
  workspace: string;
  runs: readonly { run_id: string; name: string | null; number: number | null }[];
  of: number;
  charts: readonly string[];
  lit: Signal<string | null>;
}) {
  const zoom = useSignal<Range | null>(null);
  const x = parameter("x", "step") as X;
  const log = parameter("log") === "y";
  return (
    <>
      <div class="bar">
        <p role="status">
          {count(runs.length)} of {count(of)} runs drawn
        </p>
        <span class="fill" />
        <Choice
          label="x"
          value={x}
          options={[
            ["step", "step"],
            ["relative", "relative"],
            ["time", "time"],
          ]}
          onChange={(value) => {
            zoom.value = null;
            change({ x: value === "step" ? null : value });
          }}
        />
        <Button small pressed={log} onClick={() => change({ log: log ? null : "y" })}>
          log y
        </Button>
        <MetricAdder
          workspace={workspace}
          without={charts}
          onAdd={(ref) => change({ charts: [...charts, ref].join(",") })}
        />
      </div>
      <div class="wide">
        <Overlays
          workspace={workspace}
          runs={runs}
          metrics={charts}
          x={x}
          yLog={log}
          zoom={zoom}
          lit={lit}
          height={210}
          onRemove={(ref) => change({ charts: charts.filter((one) => one !== ref).join(",") || "none" })}
        />
      </div>
    </>
  );
}

function ByValues({
  workspace,
  ids,
  tab,
  metrics,
  differing,
  lit,
}: {
  workspace: string;
  ids: string;
  tab: string;
  metrics: readonly string[];
  differing: readonly string[];
  lit: Signal<string | null>;
}) {
  const scatter = listOf("scatter") ?? [differing[0] ?? "created", metrics[0] ?? "duration_s"];
  const axes = listOf("axes") ?? [...differing.slice(0, AXES_OWN), ...metrics.slice(0, 2)];
  const all = metrics
    .slice(0, TABLE_METRICS_MAX)
    .flatMap((ref) => [ref, refOf(...segments(ref), "min"), refOf(...segments(ref), "max")]);
  const rows = useRows(workspace, ids, tab === "scatter" ? scatter : tab === "parallel" ? axes : all);
  if (rows.error !== null) return <Failure error={rows.error} />;
  if (tab === "scatter") {
    return (
      <Scatter
        workspace={workspace}
        runs={rows.value}
        refs={scatter}
        lit={lit}
        onRefs={(refs) => change({ scatter: refs.join(",") })}
      />
    );
  }
  if (tab === "values") return <Values runs={rows.value} refs={all} busy={rows.busy} />;
  return (
    <ParallelCoordinates
      workspace={workspace}
      runs={rows.value}
      refs={axes}
      lit={lit}
      brushes={brushesOf(parameter("ranges"))}
      onRefs={(refs) => change({ axes: refs.join(",") || "none" })}
      onBrushes={(brushes) => change({ ranges: brushesText(brushes) }, { replace: true })}
      onKeep={(run_ids) => setRuns(run_ids, { ranges: null })}
    />
  );
}

function NothingChosen() {
  return (
    <div class="empty">
      <h1>No runs chosen</h1>
      <p>Select some in the table of runs (space, or the boxes), then Compare.</p>
      <a class="button primary" href={encode(to("runs"))}>
        To the runs
      </a>
    </div>
  );
}

function setRuns(run_ids: readonly string[], more: Record<string, null> = {}): void {
  change({ runs: run_ids.map(encodeURIComponent).join(",") || null, ...more });
}

export function idsOf(text: string): readonly string[] {
  return text === "" ? [] : [...new Set(text.split(",").map((id) => decodeURIComponent(id)))];
}

function listOf(name: string): readonly string[] | null {
  const text = parameter(name);
  return text === "" ? null : text === "none" ? [] : splitRefs(text);
}

/** Tags and properties that differ, as refs: what one plots first. */
function differingRefs(rows: readonly { kind: string; key: string }[]): readonly string[] {
  return rows.flatMap(({ kind, key }) => (kind === "tag" || kind === "property" ? [refOf(kind, key)] : []));
}

function brushesOf(text: string): Brushes {
  return Object.fromEntries(
    splitRefs(text).flatMap((one) => {
      const [, ref, low, high] = /^(.*):([\d.]+):([\d.]+)$/s.exec(one) ?? [];
      return ref === undefined ? [] : [[ref, [Number(low), Number(high)] as const]];
    }),
  );
}

function brushesText(brushes: Brushes): string | null {
  const text = Object.entries(brushes).map(([ref, [low, high]]) => `${ref}:${low.toFixed(3)}:${high.toFixed(3)}`);
  return text.join(",") || null;
}

const OF_RUNS = 30;

/** The first of the runs: what they have in common with the others is what is drawn first. */
function filterOf(ids: string): string {
  return ids === "" ? "" : `run_id in (${ids.split("\n").slice(0, OF_RUNS).map(quoted).join(", ")})`;
}

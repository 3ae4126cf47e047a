/** Runs by parent, tag or another ref: counts, statuses, and per metric the mean between least and greatest. */

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { changesOf, type Group, searchGroups, searchRuns, series, type Value } from "../../api";
import { Chart } from "../../charts/Chart";
import type { PlotSeries, Range } from "../../charts/data";
import { count, short } from "../../charts/wording";
import { Table, type TableColumn } from "../../parts";
import { colourOf } from "../../runs/colours";
import { folded } from "../../runs/folding";
import { labelOf, metricOf, quoted, seriesName } from "../../runs/refs";
import { MetricAdder } from "./MetricAdder";
import { Statuses } from "./Statuses";

const GROUPS_MAX = 200;
const DRAWN_MAX = 8;
const RUNS_MAX = 25;
const BUCKETS = 200;
const REFRESH_MS = 3_000;

interface Asked {
  readonly workspace: string;
  readonly q: string;
  readonly by: string;
  readonly metrics: readonly string[];
}

export function Groups({
  asked,
  onOpen,
  onMetrics,
}: {
  asked: Asked;
  onOpen: (q: string) => void;
  onMetrics: (metrics: readonly string[]) => void;
}) {
  const { workspace, q, by, metrics } = asked;
  const found = useSignal<{ groups: readonly Group[]; of: number } | null>(null);
  const error = useSignal<string | null>(null);
  const lit = useSignal<string | null>(null);
  const values = metrics.join(",");
  useEffect(() => {
    let timer = 0;
    const abort = new AbortController();
    const ask = () => {
      timer = 0;
      searchGroups(workspace, { q, by, values, limit: GROUPS_MAX }, { signal: abort.signal })
        .then((answer) => {
          found.value = answer;
          error.value = null;
        })
        .catch((caught: Error) => {
          if (!abort.signal.aborted) error.value = caught.message;
        });
    };
    ask();
    const end = changesOf(workspace, () => {
      if (timer === 0) timer = window.setTimeout(ask, REFRESH_MS);
    });
    return () => {
      end();
      clearTimeout(timer);
      abort.abort();
    };
  }, [workspace, q, by, values, found, error]);
  const groups = found.value?.groups ?? [];
  const columns: TableColumn<Group>[] = [
    {
      id: "value",
      label: labelOf(by),
      width_px: 240,
      pinned: true,
      cell: (group) => (
        <>
          <span class="swatch" style={{ background: colourOf(groupKey(by, group.value)) }} aria-hidden="true" />
          <button type="button" class="link" tabIndex={-1} onClick={() => onOpen(filterOf(q, by, group.value))}>
            {group.value === null ? <em>none</em> : String(group.value)}
          </button>
        </>
      ),
    },
    { id: "runs", label: "runs", width_px: 76, align: "end", cell: (group) => count(group.runs) },
    { id: "statuses", label: "statuses", width_px: 190, cell: (group) => <Statuses statuses={group.statuses} /> },
    ...metrics.map(
      (ref): TableColumn<Group> => ({
        id: ref,
        label: labelOf(ref),
        width_px: 210,
        cell: (group) => <Spread value={group.values[ref]} all={groups.map((one) => one.values[ref])} />,
      }),
    ),
  ];
  return (
    <div class="split">
      <div class="left">
        {error.value === null ? null : (
          <p class="error pad" role="alert">
            {error.value}
          </p>
        )}
        <p class="unseen" role="status">
          {found.value === null ? "" : `${count(groups.length)} of ${count(found.value.of)} groups`}
        </p>
        <Table
          label={`Runs by ${labelOf(by)}`}
          columns={columns}
          count={groups.length}
          rowAt={(at) => groups[at]}
          keyOf={(group) => groupKey(by, group.value)}
          classOf={(group) => (lit.value === groupKey(by, group.value) ? "lit" : "")}
          onHover={(group) => {
            lit.value = group === undefined ? null : groupKey(by, group.value);
          }}
          onOpen={(group) => onOpen(filterOf(q, by, group.value))}
        />
      </div>
      <aside class="beside" aria-label="Charts of the groups">
        <div class="bar">
          <span class="muted">
            mean and band of {count(Math.min(DRAWN_MAX, groups.length))} of {count(found.value?.of ?? 0)} groups
          </span>
          <span class="fill" />
          <MetricAdder workspace={workspace} without={metrics} onAdd={(ref) => onMetrics([...metrics, ref])} />
        </div>
        <div class="charts">
          {metrics.map((ref) => (
            <GroupChart key={ref} asked={asked} groups={groups.slice(0, DRAWN_MAX)} metric={ref} lit={lit} />
          ))}
        </div>
      </aside>
    </div>
  );
}

/** The filter that leaves one group. */
export function filterOf(q: string, by: string, value: Value): string {
  const only = value === null ? `not ${by} exists` : `${by} = ${quoted(String(value))}`;
  return q === "" ? only : `(${q}) and ${only}`;
}

function groupKey(by: string, value: Value): string {
  return `${by}=${value}`;
}

/** Least, mean and greatest on the scale of all groups. */
function Spread({
  value,
  all,
}: {
  value: Group["values"][string] | undefined;
  all: readonly (Group["values"][string] | undefined)[];
}) {
  const { mean, min, max, n } = value ?? { mean: null, min: null, max: null, n: 0 };
  if (mean === null || min === null || max === null) return <span class="none">–</span>;
  const low = Math.min(...all.flatMap((one) => (typeof one?.min === "number" ? [one.min] : [])));
  const high = Math.max(...all.flatMap((one) => (typeof one?.max === "number" ? [one.max] : [])));
  const at = (v: number) => (high === low ? 50 : ((v - low) / (high - low)) * 100);
  const told = `mean ${short(mean)}, from ${short(min)} to ${short(max)}, of ${count(n)} runs`;
  return (
    <span class="spread" title={told}>
      <span class="figure">{short(mean, 4)}</span>
      <span class="scale" role="img" aria-label={told}>
        <span class="range" style={{ left: `${at(min)}%`, right: `${100 - at(max)}%` }} />
        <span class="mean" style={{ left: `${at(mean)}%` }} />
      </span>
    </span>
  );
}

function GroupChart({
  asked,
  groups,
  metric: ref,
  lit,
}: {
  asked: Asked;
  groups: readonly Group[];
  metric: string;
  lit: Signal<string | null>;
}) {
  const { workspace, q, by } = asked;
  const lines = useSignal<readonly PlotSeries[]>([]);
  const state = useSignal<{ busy: boolean; error: string | null; note: string }>({ busy: true, error: null, note: "" });
  const zoom = useSignal<Range | null>(null);
  const drawn = useMemo(() => groups.map((group) => group.value), [groups]);
  const known = JSON.stringify(drawn);
  useEffect(() => {
    const abort = new AbortController();
    const metric = metricOf(ref);
    if (metric === null) return;
    const one = async (value: Value): Promise<PlotSeries & { runs: number; ofRuns: number }> => {
      const options = { signal: abort.signal };
      const page = await searchRuns(workspace, { q: filterOf(q, by, value), limit: RUNS_MAX, count: true }, options);
      const ids = page.runs.map((run) => run.run_id);
      const asking = { run_id: ids, metric: [seriesName(metric)], fold: "ranks", buckets: BUCKETS, x: "step" } as const;
      const answer = ids.length === 0 ? [] : (await series(workspace, asking, options)).series;
      const line = folded(answer, BUCKETS);
      return {
        run_id: groupKey(by, value),
        metric: metric.name,
        column: metric.column,
        rank: null,
        attempt: null,
        kind: "double",
        axis: "step",
        n: answer.reduce((sum, each) => sum + each.n, 0),
        of: answer.reduce((sum, each) => sum + each.of, 0),
        x: line.x,
        value: line.mean,
        band: { x: line.x, min: line.min, max: line.max },
        slowest_rank: null,
        marks: [],
        marks_of: 0,
        label: value === null ? "none" : String(value),
        colour: colourOf(groupKey(by, value)),
        runs: answer.length,
        ofRuns: page.of ?? page.n,
      };
    };
    state.value = { ...state.peek(), busy: true };
    Promise.all((JSON.parse(known) as Value[]).map(one))
      .then((made) => {
        lines.value = made.filter((line) => line.x.length > 0);
        const [runs, of] = [
          made.reduce((sum, line) => sum + line.runs, 0),
          made.reduce((sum, line) => sum + line.ofRuns, 0),
        ];
        state.value = { busy: false, error: null, note: `mean and band over ${count(runs)} of ${count(of)} runs` };
      })
      .catch((caught: Error) => {
        if (!abort.signal.aborted) state.value = { busy: false, error: caught.message, note: "" };
      });
    return () => abort.abort();
  }, [workspace, q, by, ref, known, lines, state]);
  return (
    <Chart
      title={labelOf(ref)}
      series={lines.value}
      x={{ kind: "step", label: "step" }}
      zoom={zoom}
      hoverRun={lit}
      busy={state.value.busy}
      error={state.value.error}
      notes={state.value.note === "" ? [] : [state.value.note]}
      csvName={`${labelOf(ref)} by ${labelOf(by)}`}
    />
  );
}

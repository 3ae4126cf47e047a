/** All runs of a workspace: searched, sorted, grouped, compared, and live. The address is the whole view. */

import { batch, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ahead as askAhead, below, changesOf, followFrom } from "../../api";
import { save } from "../../charts/exporting";
import { count } from "../../charts/wording";
import { Button, say } from "../../parts";
import { labelOf, metricOf, sparkOf } from "../../runs/refs";
import { Failure } from "../../shell/Failure";
import { change, encode, workspace as here, type Place, place, to } from "../../url";
import { ColumnChooser } from "./ColumnChooser";
import { allRows, askedFor, csvOf } from "./csv";
import { GroupBy } from "./GroupBy";
import { Groups } from "./Groups";
import { metricsAhead, useMetrics } from "./metrics";
import { RunsCharts } from "./RunsCharts";
import { RunsTable } from "./RunsTable";
import { type Asked, firstPage, Rows } from "./rows";
import { SavedViews } from "./SavedViews";
import { SearchBox } from "./SearchBox";
import { Sparks } from "./sparks";
import "./runs.css";
import { parametersOf, type RunsState, sortedBy, sortText, stateOf } from "./state";

const OWN_METRICS = 3;
const SELECTED_MAX = 200;
const WIDTH_PAUSE_MS = 250;

/** Asks for what is seen first, while the session is asked for. */
export function ahead(at: Place): void {
  const state = stateOf(at.parameters);
  if (state.by !== "") return;
  const asked = firstPage(askedOf(state, state.columns ?? ownColumns([])));
  followFrom(at.workspace, askAhead(below(at.workspace, "search", "runs"), { ...asked }));
  metricsAhead(at.workspace);
}

export default function RunsView() {
  const workspace = here.value;
  const state = useComputed(() => stateOf(place.value.parameters)).value;
  const metrics = useMetrics(workspace);
  const set = (changes: Partial<RunsState>, replace = false) =>
    change(parametersOf({ ...stateOf(place.peek().parameters), ...changes }), { replace });
  const setMetrics = (charts: readonly string[]) => set({ charts });
  const charts = state.charts ?? metrics.slice(0, OWN_METRICS);
  useShortcuts();
  const search = (error: Error | null) => (
    <SearchBox workspace={workspace} q={state.q} error={error} onApply={(q) => set({ q })} />
  );
  if (state.by !== "") {
    return (
      <section class="runs" aria-label="Runs in groups">
        <h1 class="unseen">Runs by {labelOf(state.by)}</h1>
        <div class="toolbar">
          {search(null)}
          <GroupBy workspace={workspace} by={state.by} onChange={(by) => set({ by })} />
          <SavedViews workspace={workspace} />
        </div>
        <Groups
          asked={{ workspace, q: state.q, by: state.by, metrics: charts }}
          onOpen={(q) => set({ q, by: "" })}
          onMetrics={setMetrics}
        />
      </section>
    );
  }
  return <Table workspace={workspace} state={state} set={set} metrics={metrics} charts={charts} search={search} />;
}

function Table({
  workspace,
  state,
  set,
  metrics,
  charts,
  search,
}: {
  workspace: string;
  state: RunsState;
  set: (changes: Partial<RunsState>, replace?: boolean) => void;
  metrics: readonly string[];
  charts: readonly string[];
  search: (error: Error | null) => preact.JSX.Element;
}) {
  const own = useMemo(() => ownColumns(metrics), [metrics]);
  const columns = state.columns ?? own;
  const lit = useSignal<string | null>(null);
  const widths = useWidths(state, set);
  const columnsText = columns.join(",");
  const sort = sortText(state.sort);
  const asked = useMemo(() => askedOf(state, columns), [state.q, sort, columnsText, state.children]);
  const latest = useRef<{ question: string; rows: Rows } | null>(null);
  const rows = useMemo(() => {
    const question = JSON.stringify([workspace, asked.q, asked.sort, asked.include_children]);
    const before = latest.current?.question === question ? latest.current.rows : null;
    const made = new Rows(workspace, asked, undefined, before);
    latest.current = { question, rows: made };
    return made;
  }, [workspace, asked]);
  const sparks = useMemo(
    () =>
      new Sparks(
        workspace,
        columns.filter((ref) => ref.startsWith("spark.")),
      ),
    [workspace, columnsText],
  );
  const now = useNow();
  useEffect(() => () => rows.close(), [rows]);
  useEffect(() => () => sparks.close(), [sparks]);
  useEffect(
    () =>
      changesOf(workspace, (changes) =>
        batch(() => {
          if (changes.reset) {
            rows.changedAll();
            sparks.changed(rows.all().map((run) => run.run_id));
          }
          const ids = Object.keys(changes.runs);
          rows.changed(changes.runs);
          sparks.changed(ids.filter((id) => changes.runs[id]?.includes("points")));
        }),
      ),
    [workspace, rows, sparks],
  );
  const seen = useMemo(
    () => (first: number, last: number) => {
      rows.seen(first, last);
      const ids: string[] = [];
      for (let at = first; at <= last; at++) {
        const run = rows.at(at);
        if (run !== undefined) ids.push(run.run_id);
      }
      sparks.seen(ids);
    },
    [rows, sparks],
  );
  const of = rows.of.value;
  const error = rows.error.value;
  const filterIsWrong = error !== null && "detail" in error && typeof error.detail["position"] === "number";
  void rows.loaded.value;
  const select = (run_id: string) => {
    const selected = state.selected.includes(run_id)
      ? state.selected.filter((one) => one !== run_id)
      : [...state.selected, run_id];
    if (selected.length > SELECTED_MAX) say(`At most ${SELECTED_MAX} runs are compared.`, "bad");
    else set({ selected }, true);
  };
  return (
    <section class="runs" aria-label="Runs">
      <h1 class="unseen">Runs of {workspace}</h1>
      <div class="toolbar">
        {search(error)}
        <Told of={of} loaded={rows.loaded.value} busy={rows.busy.value} filtered={state.q !== ""} />
        <Button
          pressed={state.children}
          title="Runs that have a parent, too"
          onClick={() => set({ children: !state.children })}
        >
          Children
        </Button>
        <GroupBy workspace={workspace} by="" onChange={(by) => set({ by })} />
        <ColumnChooser
          workspace={workspace}
          columns={columns}
          pinned={state.pinned}
          onChange={(chosen, pinned) => set({ columns: chosen, pinned })}
        />
        <SavedViews workspace={workspace} />
        <Export workspace={workspace} asked={asked} columns={columns} of={of?.n ?? 0} />
        <Button pressed={charts.length > 0} onClick={() => set({ charts: charts.length > 0 ? [] : null })}>
          Charts
        </Button>
      </div>
      {state.selected.length === 0 ? null : (
        <div class="selection" role="status">
          <strong>{count(state.selected.length)} selected</strong>
          <a
            class="button primary"
            href={encode(to("compare", { runs: [state.selected.map(encodeURIComponent).join(",")] }))}
          >
            Compare
          </a>
          <Button kind="quiet" onClick={() => set({ selected: [] })}>
            Clear
          </Button>
        </div>
      )}
      <div class={charts.length > 0 ? "split" : "split alone"}>
        <div class="left">
          {error !== null && !filterIsWrong && rows.loaded.value === 0 ? (
            <Failure error={error} />
          ) : of?.n === 0 ? (
            <Nothing filtered={state.q !== ""} onClear={() => set({ q: "" })} />
          ) : (
            <RunsTable
              rows={rows}
              sparks={sparks}
              columns={columns}
              state={{ ...state, widths: widths.now }}
              lit={lit}
              now={now}
              onSort={(ref, adds) => set({ sort: sortedBy(state.sort, ref, adds) })}
              onResize={widths.resize}
              onSelect={select}
              onSeen={seen}
            />
          )}
        </div>
        {charts.length === 0 ? null : (
          <RunsCharts
            workspace={workspace}
            runs={rows.all()}
            of={of?.n ?? 0}
            metrics={charts.filter((ref) => metricOf(ref) !== null)}
            lit={lit}
            onMetrics={(chosen) => set({ charts: chosen })}
          />
        )}
      </div>
    </section>
  );
}

function Told({
  of,
  loaded,
  busy,
  filtered,
}: {
  of: Rows["of"]["value"];
  loaded: number;
  busy: boolean;
  filtered: boolean;
}) {
  const about = of !== null && !of.exact ? "more than " : "";
  const told =
    of === null
      ? ""
      : `${about}${count(of.n)} ${of.n === 1 ? "run" : "runs"}${filtered ? (of.n === 1 ? " matches" : " match") : ""}`;
  return (
    <p class="told" role="status" title={of === null ? "" : `${count(loaded)} of ${about}${count(of.n)} loaded so far`}>
      {told}
      {of !== null && loaded < of.n ? <span class="muted"> · {count(loaded)} loaded</span> : null}
      {busy ? <span class="spin" aria-hidden="true" /> : null}
    </p>
  );
}

function Nothing({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  return (
    <div class="empty">
      <h2>{filtered ? "No run matches" : "No runs yet"}</h2>
      {filtered ? (
        <Button onClick={onClear}>Clear the filter</Button>
      ) : (
        <p>
          The first one appears here by itself: <code>runfold demo</code> makes one.
        </p>
      )}
    </div>
  );
}

function Export({
  workspace,
  asked,
  columns,
  of,
}: {
  workspace: string;
  asked: Parameters<typeof allRows>[1];
  columns: readonly string[];
  of: number;
}) {
  const told = useSignal("");
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const start = async () => {
    const abort = new AbortController();
    running.current = abort;
    told.value = "0";
    try {
      const rows = await allRows(workspace, asked, (n) => (told.value = count(n)), abort.signal);
      save("runs.csv", csvOf(rows, columns));
    } catch (error) {
      if (!abort.signal.aborted) say(error instanceof Error ? error.message : String(error), "bad");
    } finally {
      told.value = "";
    }
  };
  if (told.value !== "") {
    return (
      <Button label="Stop the export" onClick={() => running.current?.abort()}>
        {told.value} of {count(of)}…
      </Button>
    );
  }
  return (
    <Button title={`All ${count(of)} rows with these columns`} onClick={() => void start()}>
      CSV
    </Button>
  );
}

function askedOf(state: RunsState, columns: readonly string[]): Asked {
  return { q: state.q, sort: sortText(state.sort), columns: askedFor(columns), include_children: state.children };
}

function ownColumns(metrics: readonly string[]): readonly string[] {
  const first = metrics[0];
  const line = first === undefined ? [] : [sparkOf(first)];
  return ["name", "status", ...line, ...metrics.slice(0, OWN_METRICS), "created", "duration_s", "experiment"];
}

/** Widths follow the pointer at once, and the address when it rests. */
function useWidths(state: RunsState, set: (changes: Partial<RunsState>, replace?: boolean) => void) {
  const moving = useSignal<Readonly<Record<string, number>>>({});
  const timer = useRef(0);
  const now = { ...state.widths, ...moving.value };
  const resize = (ref: string, width_px: number) => {
    moving.value = { ...moving.value, [ref]: width_px };
    clearTimeout(timer.current);
    timer.current = window.setTimeout(
      () => set({ widths: { ...state.widths, ...moving.peek() } }, true),
      WIDTH_PAUSE_MS,
    );
  };
  return { now, resize };
}

function useNow() {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 10_000);
    return () => clearInterval(timer);
  }, [now]);
  return now;
}

/** "/" goes to the filter, wherever one is not typing. */
function useShortcuts(): void {
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      const typing = (event.target as Element | null)?.matches?.("input, textarea, select");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      document.querySelector<HTMLInputElement>('[data-shortcut="search"]')?.focus();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
}

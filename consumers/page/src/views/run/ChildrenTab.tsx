/** Runs below this one as a tree: status, times, and the metrics that were chosen. Branches are asked for when opened. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { changesOf, type FoundRun, type FoundRuns, type MetricSummary } from "../../api";
import { csv, fileName, save } from "../../charts/exporting";
import { count, duration, moment, seconds, short } from "../../charts/wording";
import { Button, Menu, Status } from "../../parts";
import { colourOf } from "../../runs/colours";
import { refOf } from "../../runs/refs";
import { change, encode, parameters, to } from "../../url";
import { children, summaries } from "./api";
import { useAsked } from "./asking";
import { concerns } from "./children";
import { useRun } from "./state";

export function ChildrenTab() {
  const { of } = useRun();
  const back = of.as_of !== "";
  const tick = useSignal(0);
  const chosen = parameters("metric");
  const shown = useRef(new Set<string>());
  const withMetrics = chosen.length > 0;
  useEffect(() => {
    if (back) return undefined;
    shown.current.add(of.run_id);
    return changesOf(of.workspace, (changes) => {
      if (concerns(changes, shown.current, withMetrics)) tick.value += 1;
    });
  }, [of.workspace, of.run_id, back, withMetrics, tick]);
  const asked = useAsked(JSON.stringify(of), `${tick.value} ${chosen.join()}`, (aborted) =>
    below(of, chosen, undefined, aborted),
  );
  const open = new Set(parameters("open"));
  const { data, error } = asked.value;
  if (data === null) return error === null ? <p class="waiting">…</p> : <p class="error pad">{error}</p>;
  if (data.runs.length === 0)
    return (
      <div class="empty">
        <h2>No children</h2>
        {back ? (
          <p>No run had started below this one by then.</p>
        ) : (
          <p>
            Runs made by <code>run.child_run()</code> or <code>run.submit_child(...)</code> appear here.
          </p>
        )}
      </div>
    );
  const ids = data.runs.map((run) => run.run_id);
  return (
    <div>
      <div class="controls">
        <span role="status">
          {count(data.runs.length)}
          {data.of !== null && data.of > data.runs.length ? ` of ${count(data.of)}` : ""}{" "}
          {data.runs.length === 1 ? "child" : "children"}
        </span>
        <ChooseMetrics first={data.runs[0] as FoundRun} chosen={chosen} />
        {!back && (
          <>
            <a class="button small" href={encode(to("compare", { runs: [ids.slice(0, 200).join(",")] }))}>
              Compare
            </a>
            <a class="button small" href={encode(to("runs", { q: [`parent = ${JSON.stringify(of.run_id)}`] }))}>
              As a table
            </a>
          </>
        )}
        <Button small onClick={() => save(fileName(`${of.run_id}_children`, "csv"), childrenCsv(data.runs, chosen))}>
          csv
        </Button>
      </div>
      <table class="facts children">
        <thead>
          <tr>
            <th scope="col">run</th>
            <th scope="col">status</th>
            <th scope="col">started</th>
            <th scope="col">duration</th>
            {chosen.map((name) => (
              <th scope="col" class="num" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Rows page={data} depth={0} open={open} chosen={chosen} tick={tick.value} shown={shown.current} />
        </tbody>
      </table>
    </div>
  );
}

interface RowsProps {
  page: FoundRuns;
  depth: number;
  open: ReadonlySet<string>;
  chosen: readonly string[];
  tick: number;
  /** Ids of rows, whose changes are listened to. */
  shown: Set<string>;
}

const DEPTH_MAX = 24;

function Rows({ page, depth, open, chosen, tick, shown }: RowsProps) {
  const { of } = useRun();
  const now = Date.now();
  const until = of.as_of === "" ? now : Math.min(Date.parse(of.as_of), now); // NaN of a watermark: it tells no time
  const then = of.as_of === "" ? {} : { as_of: [of.as_of] };
  const more = useSignal<readonly FoundRun[]>([]);
  const cursor = useSignal(page.next_cursor);
  const all = [...page.runs, ...more.value];
  for (const run of all) shown.add(run.run_id);
  const toggle = (run_id: string): void => {
    change({ open: open.has(run_id) ? [...open].filter((id) => id !== run_id) : [...open, run_id] }, { replace: true });
  };
  return (
    <>
      {all.map((run) => (
        <>
          <tr key={run.run_id} data-depth={depth}>
            <th scope="row" style={{ paddingLeft: `${8 + depth * 18}px` }}>
              {run.children > 0 ? (
                <button
                  type="button"
                  class="twist-button"
                  aria-expanded={open.has(run.run_id)}
                  aria-label={`Children of ${run.name ?? run.run_id}`}
                  onClick={() => toggle(run.run_id)}
                >
                  <span class="twist" aria-hidden="true" />
                </button>
              ) : (
                <span class="twist-space" />
              )}
              <svg width="9" height="9" aria-hidden="true">
                <circle cx="4.5" cy="4.5" r="4" fill={colourOf(run.run_id)} />
              </svg>{" "}
              <a href={encode(to("run", then, run.run_id))}>{run.name ?? run.run_id}</a>
              {run.number !== null && <span class="muted"> #{run.number}</span>}
              {run.children > 0 && <span class="muted"> {count(run.children)}</span>}
            </th>
            <td>
              <Status status={run.status} />
            </td>
            <td>{moment(run.started_at)}</td>
            <td>{duration(seconds(run.started_at, run.ended_at, until))}</td>
            {chosen.map((name) => (
              <td class="num" key={name}>
                {valueText(run.values[refOfMetric(name)])}
              </td>
            ))}
          </tr>
          {open.has(run.run_id) && depth < DEPTH_MAX && (
            <Branch
              key={`${run.run_id} below`}
              run_id={run.run_id}
              depth={depth + 1}
              open={open}
              chosen={chosen}
              tick={tick}
              shown={shown}
            />
          )}
        </>
      ))}
      {cursor.value !== null && (
        <tr>
          <td colSpan={4 + chosen.length}>
            <Button
              small
              onClick={async () => {
                const next = await below(
                  { ...of, run_id: all[0]?.parent_run_id ?? of.run_id },
                  chosen,
                  cursor.value ?? undefined,
                  undefined,
                );
                more.value = [...more.value, ...next.runs];
                cursor.value = next.next_cursor;
              }}
            >
              More
            </Button>
          </td>
        </tr>
      )}
    </>
  );
}

function Branch({
  run_id,
  ...rest
}: {
  run_id: string;
  depth: number;
  open: ReadonlySet<string>;
  chosen: readonly string[];
  tick: number;
  shown: Set<string>;
}) {
  const { of } = useRun();
  const asked = useAsked(`${run_id} ${of.as_of}`, `${rest.tick} ${rest.chosen.join()}`, (aborted) =>
    below({ ...of, run_id }, rest.chosen, undefined, aborted),
  );
  const { data, error } = asked.value;
  if (data === null)
    return (
      <tr>
        <td colSpan={4 + rest.chosen.length} class="muted">
          {error ?? "…"}
        </td>
      </tr>
    );
  return <Rows page={data} {...rest} />;
}

/** Metrics are offered from the first child's: children of one parent mostly log the same. */
function ChooseMetrics({ first, chosen }: { first: FoundRun; chosen: readonly string[] }) {
  const { of } = useRun();
  const asked = useAsked(`${first.run_id} ${of.as_of}`, 0, (aborted) =>
    summaries({ ...of, run_id: first.run_id }, { signal: aborted }),
  );
  const names = [
    ...new Set([
      ...chosen,
      ...(asked.value.data?.metrics ?? []).flatMap((m: MetricSummary) => (m.column === null ? [m.name] : [])),
    ]),
  ];
  return (
    <Menu label="Metrics to show" button="Metrics">
      {() => (
        <fieldset class="stack choose">
          <legend class="unseen">Metrics to show</legend>
          {names.length === 0 && <p class="hint">The first child has no metrics.</p>}
          {names.slice(0, 300).map((name) => (
            <label class="control-check" key={name}>
              <input
                type="checkbox"
                checked={chosen.includes(name)}
                onChange={(event) =>
                  change(
                    { metric: event.currentTarget.checked ? [...chosen, name] : chosen.filter((n) => n !== name) },
                    { replace: true },
                  )
                }
              />
              {name}
            </label>
          ))}
        </fieldset>
      )}
    </Menu>
  );
}

function below(
  of: { workspace: string; run_id: string; as_of: string },
  chosen: readonly string[],
  cursor: string | undefined,
  aborted: AbortSignal | undefined,
): Promise<FoundRuns> {
  return children(of, chosen.map(refOfMetric).join(","), cursor, { signal: aborted });
}

/** The ref of a metric's last value. */
export function refOfMetric(name: string): string {
  return refOf("metric", name, "last");
}

function valueText(value: unknown): string {
  return typeof value === "number" ? short(value) : value === null || value === undefined ? "–" : String(value);
}

function childrenCsv(runs: readonly FoundRun[], chosen: readonly string[]): string {
  return csv(
    ["run_id", "name", "number", "status", "attempt", "created_at", "started_at", "ended_at", ...chosen],
    runs.map((run) => [
      run.run_id,
      run.name,
      run.number,
      run.status,
      run.attempt,
      run.created_at,
      run.started_at,
      run.ended_at,
      ...chosen.map((name) => run.values[refOfMetric(name)]),
    ]),
  );
}

/** Which columns, in which order, and which stay in sight: any field, tag, property and metric. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Column, searchColumns } from "../../api";
import { Button, Field, Menu } from "../../parts";
import { labelOf, metricOf, refOf, sparkOf } from "../../runs/refs";

const FOUND_MAX = 60;
const PAUSE_MS = 150;

export function ColumnChooser({
  workspace,
  columns,
  pinned,
  onChange,
}: {
  workspace: string;
  columns: readonly string[];
  pinned: readonly string[];
  onChange: (columns: readonly string[], pinned: readonly string[]) => void;
}) {
  return (
    <Menu label="Columns" align="end">
      {() => <Chooser workspace={workspace} columns={columns} pinned={pinned} onChange={onChange} />}
    </Menu>
  );
}

function Chooser({
  workspace,
  columns,
  pinned,
  onChange,
}: {
  workspace: string;
  columns: readonly string[];
  pinned: readonly string[];
  onChange: (columns: readonly string[], pinned: readonly string[]) => void;
}) {
  const wanted = useSignal("");
  const found = useSignal<readonly Column[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      searchColumns(workspace, { prefix: wanted.value, limit: FOUND_MAX }, { signal: abort.signal })
        .then((answer) => {
          found.value = answer;
        })
        .catch(() => undefined);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [wanted.value, workspace, found, wanted]);
  const swap = (at: number, by: number) => {
    const next = [...columns];
    const [moved] = next.splice(at, 1);
    if (moved !== undefined) next.splice(at + by, 0, moved);
    onChange(next, pinned);
  };
  const add = (ref: string) => onChange([...columns, ref], pinned);
  const remove = (ref: string) =>
    onChange(
      columns.filter((one) => one !== ref),
      pinned.filter((one) => one !== ref),
    );
  return (
    <div class="chooser">
      <section aria-label="Shown columns">
        <h3>Shown, in this order</h3>
        <ul>
          {columns.map((ref, at) => (
            <li key={ref}>
              <span class="name" title={ref}>
                {ref.startsWith("spark.") ? `∿ ${labelOf(ref)}` : labelOf(ref)}
              </span>
              <Button
                kind="quiet"
                small
                label={`Move ${ref} to the left`}
                disabled={at === 0}
                onClick={() => swap(at, -1)}
              >
                ↑
              </Button>
              <Button
                kind="quiet"
                small
                label={`Move ${ref} to the right`}
                disabled={at === columns.length - 1}
                onClick={() => swap(at, 1)}
              >
                ↓
              </Button>
              <Button
                kind="quiet"
                small
                label={`Keep ${ref} in sight`}
                pressed={pinned.includes(ref)}
                onClick={() =>
                  onChange(columns, pinned.includes(ref) ? pinned.filter((one) => one !== ref) : [...pinned, ref])
                }
              >
                pin
              </Button>
              <Button kind="quiet" small label={`Remove ${ref}`} onClick={() => remove(ref)}>
                ×
              </Button>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label="Other columns">
        <Field
          label="Add: a field, tag., property., metric."
          value={wanted.value}
          spellcheck={false}
          autoComplete="off"
          placeholder="metric.loss"
          onInput={(value) => {
            wanted.value = value;
          }}
        />
        <ul class="found">
          {offered(found.value, columns).map(({ ref, note }) => (
            <li key={ref}>
              <button type="button" class="offer" onClick={() => add(ref)}>
                <span class="mono">{ref}</span>
                <span class="note">{note}</span>
              </button>
            </li>
          ))}
        </ul>
        {found.value.length >= FOUND_MAX ? <p class="hint">The first {FOUND_MAX}: type more of the name.</p> : null}
      </section>
    </div>
  );
}

/** A metric is offered as its last, least and greatest value, and as its line. */
function offered(found: readonly Column[], shown: readonly string[]): { ref: string; note: string }[] {
  const all = found.flatMap((column) => {
    const metric = column.kind === "metric" ? metricOf(column.ref) : null;
    if (metric === null) return [{ ref: column.ref, note: column.kind as string }];
    const keys = ["metric", metric.name, ...(metric.column === null ? [] : [metric.column])];
    return [
      { ref: column.ref, note: "last" },
      { ref: refOf(...keys, "min"), note: "least" },
      { ref: refOf(...keys, "max"), note: "greatest" },
      { ref: sparkOf(column.ref), note: "line" },
    ];
  });
  const seen = new Set(shown);
  return all.filter(({ ref }) => !seen.has(ref) && seen.add(ref) !== undefined);
}

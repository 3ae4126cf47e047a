/** Finds a metric by its name. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { searchColumns } from "../../api";
import { Field, Menu } from "../../parts";
import { labelOf, refOf, segments } from "../../runs/refs";

export function MetricAdder({
  workspace,
  without,
  onAdd,
}: {
  workspace: string;
  without: readonly string[];
  onAdd: (ref: string) => void;
}) {
  return (
    <Menu label="Add a metric" button="+ metric" align="end">
      {(close) => (
        <Found
          workspace={workspace}
          without={without}
          onAdd={(ref) => {
            onAdd(ref);
            close();
          }}
        />
      )}
    </Menu>
  );
}

function Found({
  workspace,
  without,
  onAdd,
}: {
  workspace: string;
  without: readonly string[];
  onAdd: (ref: string) => void;
}) {
  const wanted = useSignal("");
  const found = useSignal<readonly string[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    searchColumns(workspace, { prefix: `metric.${wanted.value}`, limit: 50 }, { signal: abort.signal })
      .then((columns) => {
        found.value = [
          ...new Set(columns.filter((column) => column.kind === "metric").map((column) => whole(column.ref))),
        ];
      })
      .catch(() => undefined);
    return () => abort.abort();
  }, [wanted.value, workspace, found, wanted]);
  return (
    <div class="stack">
      <Field
        label="Metric"
        placeholder="the beginning of its name"
        value={wanted.value}
        onInput={(value) => {
          wanted.value = value;
        }}
      />
      <ul class="found">
        {found.value
          .filter((ref) => !without.includes(ref))
          .map((ref) => (
            <li key={ref}>
              <button type="button" class="offer" onClick={() => onAdd(ref)}>
                {labelOf(ref)}
              </button>
            </li>
          ))}
      </ul>
      {found.value.length === 0 ? <p class="hint">No metric of that name.</p> : null}
    </div>
  );
}

/** The metric itself, whichever of its values a column names. */
export function whole(ref: string): string {
  const keys = segments(ref);
  const last = keys[keys.length - 1] ?? "";
  return keys.length > 2 && ["last", "min", "max", "count"].includes(last) ? refOf(...keys.slice(0, -1)) : ref;
}

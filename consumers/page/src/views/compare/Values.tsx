/** Last, least and greatest of each metric, a row per run. */

import { useSignal } from "@preact/signals";
import type { FoundRun } from "../../api";
import { csv, save } from "../../charts/exporting";
import { count } from "../../charts/wording";
import { Button, Table, type TableColumn } from "../../parts";
import { colourOf } from "../../runs/colours";
import { labelOf } from "../../runs/refs";
import { nameOf, numberOf, textOf, valueAt } from "../../runs/wording";
import { encode, go, to } from "../../url";

export function Values({ runs, refs, busy }: { runs: readonly FoundRun[]; refs: readonly string[]; busy: boolean }) {
  const sort = useSignal<{ ref: string; descending: boolean } | null>(null);
  const by = sort.value;
  const rows = by === null ? runs : [...runs].sort((a, b) => order(a, b, by.ref) * (by.descending ? -1 : 1));
  const columns: TableColumn<FoundRun>[] = [
    {
      id: "name",
      label: "run",
      width_px: 220,
      pinned: true,
      cell: (run) => (
        <>
          <span class="swatch" style={{ background: colourOf(run.run_id) }} aria-hidden="true" />
          <a href={encode(to("run", {}, run.run_id))} tabIndex={-1}>
            {nameOf(run)}
          </a>
        </>
      ),
    },
    ...refs.map(
      (ref): TableColumn<FoundRun> => ({
        id: ref,
        label: labelOf(ref) + (/\.(last|min|max|count)$/.test(ref) ? "" : " last"),
        width_px: 130,
        align: "end",
        sorted: by?.ref === ref ? (by.descending ? "descending" : "ascending") : undefined,
        cell: (run) => {
          const value = valueAt(run, ref);
          return value === null ? <span class="none">–</span> : <span title={String(value)}>{textOf(ref, value)}</span>;
        },
      }),
    ),
  ];
  return (
    <>
      <div class="bar">
        <p role="status">
          {count(runs.length)} runs, {count(refs.length / 3)} metrics
        </p>
        <span class="fill" />
        <Button
          small
          disabled={busy || refs.length === 0}
          onClick={() =>
            save(
              "compare.csv",
              csv(
                ["run_id", "name", ...refs],
                rows.map((run) => [run.run_id, nameOf(run), ...refs.map((ref) => valueAt(run, ref))]),
              ),
            )
          }
        >
          CSV
        </Button>
      </div>
      <div class="rest">
        <Table
          label="Values of the compared runs"
          columns={columns}
          count={rows.length}
          rowAt={(at) => rows[at]}
          keyOf={(run) => run.run_id}
          onOpen={(run) => go(to("run", {}, run.run_id))}
          onSort={(ref) => {
            sort.value = ref === "name" ? null : { ref, descending: by?.ref === ref ? !by.descending : true };
          }}
        />
      </div>
    </>
  );
}

function order(a: FoundRun, b: FoundRun, ref: string): number {
  const [x, y] = [numberOf(valueAt(a, ref)), numberOf(valueAt(b, ref))];
  return (x ?? Number.NEGATIVE_INFINITY) - (y ?? Number.NEGATIVE_INFINITY);
}

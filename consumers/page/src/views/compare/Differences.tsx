import { csv, save } from "../../charts/exporting";
import { count } from "../../charts/wording";
import { Badge, Button, Table, type TableColumn } from "../../parts";
import { colourOf } from "../../runs/colours";
import { nameOf } from "../../runs/wording";
import { encode, to } from "../../url";
import { type Detail, type Difference, differences } from "./differences";

/** A row per key that differs, a column per run. */
export function Differences({ runs }: { runs: readonly Detail[] }) {
  const { rows, of } = differences(runs);
  const columns: TableColumn<Difference>[] = [
    { id: "kind", label: "kind", width_px: 84, pinned: true, cell: (row) => <Badge>{row.kind}</Badge> },
    { id: "key", label: "key", width_px: 230, pinned: true, cell: (row) => <span title={row.key}>{row.key}</span> },
    ...runs.map(
      (run, at): TableColumn<Difference> => ({
        id: run.run_id,
        label: titleOf(run),
        head: <RunHead run={run} />,
        width_px: 170,
        cell: (row) => <Cell value={row.values[at] ?? null} />,
      }),
    ),
  ];
  return (
    <>
      <div class="bar">
        <p role="status">
          {count(rows.length)} of {count(of)} keys differ
        </p>
        <span class="fill" />
        <Button
          small
          disabled={rows.length === 0}
          onClick={() =>
            save(
              "differences.csv",
              csv(
                ["kind", "key", ...runs.map((run) => run.run_id)],
                rows.map((row) => [row.kind, row.key, ...row.values]),
              ),
            )
          }
        >
          CSV
        </Button>
      </div>
      {rows.length === 0 ? (
        <div class="empty">
          <h2>No difference</h2>
          <p>Tags, properties, code and circumstances of these runs are the same.</p>
        </div>
      ) : (
        <div class="rest">
          <Table
            label="Differences"
            columns={columns}
            count={rows.length}
            rowAt={(at) => rows[at]}
            keyOf={(row) => `${row.kind} ${row.key}`}
          />
        </div>
      )}
    </>
  );
}

/** A run as the head of its column. */
export function RunHead({ run }: { run: Detail }) {
  return (
    <a class="name" href={encode(to("run", {}, run.run_id))} title={run.run_id}>
      <span class="swatch" style={{ background: colourOf(run.run_id) }} aria-hidden="true" />
      {titleOf(run)}
    </a>
  );
}

function Cell({ value }: { value: string | null }) {
  if (value === null) return <span class="none">–</span>;
  return value === "" ? <em class="none">empty</em> : <span title={value}>{value}</span>;
}

export function titleOf(run: Pick<Detail, "run_id" | "display_name" | "number">): string {
  return nameOf({ ...run, name: run.display_name });
}

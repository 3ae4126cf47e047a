/** What was logged as rows, tables and chart documents. */

import { useMemo } from "preact/hooks";
import { ApiError, address, series as askSeries, below, type Series, type Value } from "../../../api";
import { csv, fileName, save } from "../../../charts/exporting";
import { count, short } from "../../../charts/wording";
import { Choice, Table } from "../../../parts";
import { numberOf } from "../../../runs/wording";
import { change, parameter } from "../../../url";
import { type Artifact, artifacts, documentOf, summaries } from "../api";
import { useAsked } from "../asking";
import { tickOf, useRun } from "../state";
import { DocumentFigures } from "./DocumentFigures";
import { check, Unreadable } from "./documents";
import { csvRows, type LoggedTable, type Row, tableOf } from "./rows";

const DOCUMENTS = ["accuracy_table", "confusion_matrix", "residuals", "predictions"];
const TITLES: Record<string, string> = {
  accuracy_table: "accuracy table",
  confusion_matrix: "confusion matrix",
  residuals: "residuals",
  predictions: "predictions",
};

export function TablesTab() {
  const state = useRun();
  const { of } = state;
  const metrics = useAsked(JSON.stringify(of), tickOf(state, "points"), (aborted) =>
    summaries(of, { signal: aborted }),
  );
  const files = useAsked(JSON.stringify(of), tickOf(state, "artifacts", "facts"), (aborted) =>
    artifacts(of, { signal: aborted }),
  );
  const tables = useMemo(
    () => [...new Set((metrics.value.data?.metrics ?? []).flatMap((m) => (m.column === null ? [] : [m.name])))].sort(),
    [metrics.value.data],
  );
  const documents = useMemo(
    () => (files.value.data ?? []).filter((file) => file.metric_type !== null && DOCUMENTS.includes(file.metric_type)),
    [files.value.data],
  );
  const options = [
    ...tables.map((name) => [`table:${name}`, `${name} (table)`] as const),
    ...documents.map(
      (file) =>
        [`document:${file.attempt}:${file.path}`, `${labelOf(file)} (${TITLES[file.metric_type ?? ""]})`] as const,
    ),
  ];
  const chosen = options.find(([id]) => id === parameter("table"))?.[0] ?? options[0]?.[0];
  const error = metrics.value.error ?? files.value.error;
  if (error !== null && options.length === 0) return <p class="error pad">{error}</p>;
  if (metrics.value.data === null || files.value.data === null) return <p class="waiting">…</p>;
  if (chosen === undefined)
    return (
      <div class="empty">
        <h2>No tables</h2>
        <p>
          <code>run.log_table</code>, <code>run.log_row</code> and the chart documents, such as{" "}
          <code>run.log_confusion_matrix</code>, appear here.
        </p>
      </div>
    );
  const document = documents.find((file) => `document:${file.attempt}:${file.path}` === chosen);
  return (
    <div class="tables-tab">
      <div class="controls">
        <Choice label="Show" value={chosen} options={options} onChange={(table) => change({ table })} />
        <span class="muted">
          {count(tables.length)} tables, {count(documents.length)} chart documents
        </span>
      </div>
      {document === undefined ? (
        <OneTable key={chosen} name={chosen.slice("table:".length)} />
      ) : (
        <OneDocument key={chosen} file={document} />
      )}
    </div>
  );
}

function labelOf(file: Artifact): string {
  const again = file.path.includes("@") ? ` @${file.path.split("@").pop()}` : "";
  return `${file.metric_name ?? file.name}${again}`;
}

function OneTable({ name }: { name: string }) {
  const state = useRun();
  const { of } = state;
  const asked = useAsked(JSON.stringify([of, name]), tickOf(state, "points"), async (aborted) => {
    try {
      const as_of = of.as_of === "" ? undefined : of.as_of;
      return tableOf(
        (await askSeries(of.workspace, { run_id: [of.run_id], metric: [name], buckets: 0, as_of }, { signal: aborted }))
          .series as Series[],
      );
    } catch (error) {
      if (error instanceof ApiError && error.code === "too_many_points") return "too many" as const;
      throw error;
    }
  });
  const { data, error } = asked.value;
  if (error !== null && data === null) return <p class="error pad">{error}</p>;
  if (data === null) return <p class="waiting">…</p>;
  if (data === "too many")
    return (
      <div class="empty">
        <h2>Too many cells for a page</h2>
        <p>
          <a
            href={address(below(of.workspace, "export"), {
              what: "points",
              format: "parquet",
              q: `run_id = ${JSON.stringify(of.run_id)}`,
              include_children: true,
            })}
            download
          >
            All points of the run as Parquet
          </a>
        </p>
      </div>
    );
  return <Grid name={name} table={data} />;
}

function Grid({ name, table }: { name: string; table: LoggedTable }) {
  const { of } = useRun();
  const ranks = new Set(table.rows.map((row) => row.rank)).size > 1;
  const numeric = useMemo(
    () =>
      new Set(table.columns.filter((column) => table.rows.every((row) => numberOf(row.cells[column] ?? 0) !== null))),
    [table],
  );
  const wide = (column: string): number => Math.min(260, Math.max(84, 9 * column.length + 28));
  const columns = [
    {
      id: "row",
      label: "row",
      width_px: 64,
      align: "end" as const,
      pinned: true,
      cell: (_: Row, at: number) => count(at + 1),
    },
    ...(ranks
      ? [
          {
            id: "rank",
            label: "rank",
            width_px: 60,
            align: "end" as const,
            cell: (row: Row) => <span>{row.rank}</span>,
          },
        ]
      : []),
    ...table.columns.map((column) => ({
      id: `c ${column}`,
      label: column,
      width_px: wide(column),
      align: numeric.has(column) ? ("end" as const) : undefined,
      cell: (row: Row) => <span title={String(row.cells[column] ?? "")}>{text(row, column)}</span>,
    })),
  ];
  const height = Math.min(640, 34 + 30 * (table.rows.length + 1));
  return (
    <div class="logged">
      <p class="logged-head">
        <b>{name}</b>{" "}
        <span class="muted">
          {count(table.rows.length)} rows, {count(table.columns.length)} columns
        </span>
        <button
          type="button"
          class="chart-tool"
          aria-label={`CSV of ${name}`}
          onClick={() => {
            const { head, rows } = csvRows(table);
            save(fileName(`${of.run_id}_${name}`, "csv"), csv(head, rows));
          }}
        >
          csv
        </button>
      </p>
      <div class="logged-grid" style={{ height: `${height}px` }}>
        <Table<Row>
          label={name}
          columns={columns}
          count={table.rows.length}
          rowAt={(at) => table.rows[at]}
          keyOf={(row) => `${row.rank} ${row.row}`}
        />
      </div>
    </div>
  );
}

function text(row: Row, column: string): string {
  if (!(column in row.cells)) return "";
  const value: Value = row.cells[column] ?? null;
  if (value === null) return "None";
  return typeof value === "number" ? short(value, 7) : String(value);
}

function OneDocument({ file }: { file: Artifact }) {
  const { of } = useRun();
  const asked = useAsked(JSON.stringify([of, file.path, file.attempt, file.sha256]), 0, (aborted) =>
    documentOf(of, file, { signal: aborted }),
  );
  const { data, error } = asked.value;
  if (error !== null) return <p class="error pad">{error}</p>;
  if (data === null) return <p class="waiting">…</p>;
  return (
    <div class="document">
      <div class="figures">
        <Drawn type={file.metric_type ?? ""} name={`${of.run_id}_${labelOf(file)}`} document={data} />
      </div>
      <details>
        <summary>The document as it was logged</summary>
        <pre class="raw">{JSON.stringify(data, null, 2).slice(0, 200_000)}</pre>
      </details>
    </div>
  );
}

/** Draws, or says what of the document does not hold. */
function Drawn(props: { type: string; name: string; document: unknown }) {
  const broken = useMemo(() => {
    try {
      check(props.type, props.document);
      return null;
    } catch (problem) {
      return problem;
    }
  }, [props.type, props.document]);
  return broken === null ? <DocumentFigures {...props} /> : <Broken problem={broken} />;
}

function Broken({ problem }: { problem: unknown }) {
  if (!(problem instanceof Unreadable)) throw problem;
  return (
    <p class="run-note warn">
      <b>This document cannot be drawn:</b> {problem.message}. It is below as it was logged.
    </p>
  );
}

/** Tables from the columns that log_row and log_table made. Pure. */

import type { Series, Value } from "../../../api";

export interface Row {
  readonly rank: number | null;
  readonly attempt: number | null;
  readonly row: number;
  readonly cells: Readonly<Record<string, Value>>;
}

export interface LoggedTable {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** Columns in the order they came, rows by rank and place; a column that a row has not is absent from its cells. */
export function tableOf(series: readonly Series[]): LoggedTable {
  const columns: string[] = [];
  const rows = new Map<
    string,
    { rank: number | null; attempt: number | null; row: number; cells: Record<string, Value> }
  >();
  for (const s of series) {
    if (s.column === null) continue;
    if (!columns.includes(s.column)) columns.push(s.column);
    const marks = new Map(s.marks.map((mark) => [mark.x, mark.value]));
    s.x.forEach((x, i) => {
      const key = `${s.rank ?? -1} ${s.step?.[i] ?? x}`;
      let row = rows.get(key);
      if (row === undefined) {
        row = { rank: s.rank, attempt: s.attempt, row: s.step?.[i] ?? x, cells: {} };
        rows.set(key, row);
      }
      row.cells[s.column as string] = s.value[i] ?? marks.get(x) ?? null;
    });
  }
  return {
    columns,
    rows: [...rows.values()].sort((a, b) => (a.rank ?? -1) - (b.rank ?? -1) || a.row - b.row),
  };
}

/** Rows of CSV: row number first, and the rank where there are several. */
export function csvRows(table: LoggedTable): { head: string[]; rows: unknown[][] } {
  const ranks = new Set(table.rows.map((row) => row.rank)).size > 1;
  let rank: number | null | undefined;
  let place = 0;
  return {
    head: [...(ranks ? ["rank"] : []), "row", ...table.columns],
    rows: table.rows.map((row) => {
      place = row.rank === rank ? place + 1 : 1;
      rank = row.rank;
      return [...(ranks ? [row.rank] : []), place, ...table.columns.map((column) => row.cells[column])];
    }),
  };
}

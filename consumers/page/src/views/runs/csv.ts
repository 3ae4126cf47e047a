/** The table as CSV: all rows that match, not only those in sight, with the columns that are shown. */

import { type FoundRun, searchRuns } from "../../api";
import { csv } from "../../charts/exporting";
import { isRowField, valueAt } from "../../runs/wording";
import type { Asked } from "./rows";

const PAGE_ROWS = 500;

/** Asks page by page; `onRows` hears how many rows there are so far. */
export async function allRows(
  workspace: string,
  asked: Asked,
  onRows: (n: number) => void,
  aborted: AbortSignal,
): Promise<readonly FoundRun[]> {
  const rows: FoundRun[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const answer = await searchRuns(
      workspace,
      { ...asked, cursor: cursor || undefined, limit: PAGE_ROWS, count: false },
      { signal: aborted },
    );
    rows.push(...answer.runs);
    cursor = answer.next_cursor;
    onRows(rows.length);
  }
  return rows;
}

/** CSV: times as the API says them, numbers with all their digits. */
export function csvOf(rows: readonly FoundRun[], refs: readonly string[]): string {
  const columns = ["run_id", ...refs.filter((ref) => ref !== "run_id" && !ref.startsWith("spark."))];
  return csv(
    columns,
    rows.map((row) => columns.map((ref) => valueAt(row, ref))),
  );
}

/** The columns that a search has to be asked for. */
export function askedFor(refs: readonly string[]): string {
  return refs.filter((ref) => !isRowField(ref) && !ref.startsWith("spark.")).join(",");
}

/** Which files differ among the compared runs: of their snapshots' differences, told by run. Pure. */

import { bytes, count } from "../../charts/wording";
import type { CodeDifference, CodeDifferences, Content } from "../../code/api";

interface OfRun {
  readonly run_id: string;
  readonly snapshot_id: string | null;
}

/** Ids of the snapshots that runs have, each once, in the order of the runs. */
export function snapshotsOf(runs: readonly OfRun[]): readonly string[] {
  return [...new Set(runs.flatMap((run) => run.snapshot_id ?? []))];
}

/** What each run has of a file: its place among the contents; null where it has no such file, undefined where that is
 * not known, since it has no snapshot or one that could not be read.
 */
export type Which = readonly (number | null | undefined)[];

export interface FileRow {
  readonly path: string;
  readonly contents: readonly Content[];
  readonly which: Which;
}

export function rowsOf(runs: readonly OfRun[], found: CodeDifferences): readonly FileRow[] {
  const place = new Map(found.snapshots.map((snapshot, at) => [snapshot.snapshot_id, at]));
  const places = runs.map((run) => place.get(run.snapshot_id ?? ""));
  const rowOf = ({ path, contents, which }: CodeDifference): FileRow => ({
    path,
    contents,
    which: places.map((at) => (at === undefined ? undefined : (which[at] ?? null))),
  });
  return found.files.map(rowOf);
}

/** The name of a content: A, B, ... Z, then #27. */
export function versionName(at: number): string {
  return at < 26 ? String.fromCharCode(65 + at) : `#${at + 1}`;
}

/** How a file differs: of two snapshots what happened to it, of more in how many versions it is there. */
export function changeOf(row: FileRow, snapshots: number): string {
  const known = row.which.filter((at) => at !== undefined);
  if (snapshots === 2) {
    if (row.contents.length === 1) return known[0] === null ? "added" : "removed";
    const [a, b] = row.contents as readonly [Content, Content];
    return a.crc32 === b.crc32 && a.size === b.size ? "mode" : "changed";
  }
  const there = known.filter((at) => at !== null).length;
  const versions = `${count(row.contents.length)} ${row.contents.length === 1 ? "version" : "versions"}`;
  return there === known.length ? versions : `${versions}, in ${count(there)} of ${count(known.length)} runs`;
}

/** A content in words. */
export function told(content: Content): string {
  return `${bytes(content.size)}, CRC-32 ${content.crc32}${content.executable ? ", executable" : ""}`;
}

/** The runs whose file is shown line by line: those that were chosen, else the first and the first that differs. */
export function pairOf(
  runs: readonly OfRun[],
  row: FileRow,
  from: string,
  to: string,
): readonly [number, number] | null {
  const known = runs.flatMap((_, at) => (row.which[at] === undefined ? [] : [at]));
  const chosen = (run_id: string) => known.find((at) => runs[at]?.run_id === run_id);
  const a = chosen(from) ?? known.find((at) => at !== chosen(to));
  if (a === undefined) return null;
  const b = chosen(to) ?? known.find((at) => row.which[at] !== row.which[a]);
  return b === undefined ? null : [a, b];
}

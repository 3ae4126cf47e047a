/** Two texts as the lines of a unified diff. Pure. */

import { structuredPatch } from "diff";

export type Kind = "same" | "removed" | "added" | "note" | "gap";

export interface Line {
  readonly kind: Kind;
  /** Numbers from 1; null where the line is not in that text. Of a gap, where it goes on. */
  readonly before: number | null;
  readonly after: number | null;
  readonly text: string;
}

export interface Lines {
  readonly lines: readonly Line[];
  readonly removed: number;
  readonly added: number;
  /** False where the two differ in too much to look for the least: then all is removed, and all added. */
  readonly least: boolean;
}

export const CONTEXT = 3;
const TIMEOUT_MS = 800;
const KINDS: Readonly<Record<string, Kind>> = { " ": "same", "-": "removed", "+": "added", "\\": "note" };

/** The lines that differ, each with `context` lines around it. */
export function linesOf(before: string, after: string, context: number, timeout_ms = TIMEOUT_MS): Lines {
  const patch = structuredPatch("", "", before, after, undefined, undefined, { context, timeout: timeout_ms });
  if (patch === undefined) return replaced(before, after);
  const lines: Line[] = [];
  for (const hunk of patch.hunks) {
    let old = hunk.oldStart;
    let next = hunk.newStart;
    if (old > 1 || next > 1) lines.push({ kind: "gap", before: old, after: next, text: "" });
    for (const told of hunk.lines) {
      const kind = KINDS[told[0] ?? " "] ?? "same";
      const there = kind === "note" ? [false, false] : [kind !== "added", kind !== "removed"];
      lines.push({ kind, before: there[0] ? old++ : null, after: there[1] ? next++ : null, text: textIn(told, kind) });
    }
  }
  return counted(lines, true);
}

function textIn(told: string, kind: Kind): string {
  if (kind === "note") return told.slice(2); // "\ No newline at end of file"
  return told.slice(1).replace(/\r$/, "␍");
}

function replaced(before: string, after: string): Lines {
  const removed = whole(before).map((text, at): Line => ({ kind: "removed", before: at + 1, after: null, text }));
  const added = whole(after).map((text, at): Line => ({ kind: "added", before: null, after: at + 1, text }));
  return counted([...removed, ...added], false);
}

function whole(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines[lines.length - 1] === "") lines.pop();
  return lines.map((line) => line.replace(/\r$/, "␍"));
}

function counted(lines: readonly Line[], least: boolean): Lines {
  const of = (kind: Kind) => lines.filter((line) => line.kind === kind).length;
  return { lines, removed: of("removed"), added: of("added"), least };
}

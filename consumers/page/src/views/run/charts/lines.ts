/** Name and colour of a line in a run's charts. */

import type { Series } from "../../../api";
import { colourOf, PALETTE } from "../../../runs/colours";
import type { Ranks } from "./choices";

export interface Lines {
  ranks: Ranks;
  attempts: boolean;
  latest: number;
}

/** Ranks have colours of their own; attempts are shades of one, the latest the strongest. */
export function lineStyle(s: Series, lines: Lines): { label: string; colour: string } {
  const byRank = lines.ranks !== "band" && s.rank !== null;
  const base = byRank ? (PALETTE[(s.rank ?? 0) % PALETTE.length] as string) : colourOf(s.run_id);
  const parts: string[] = [];
  if (lines.ranks === "band" && s.slowest_rank !== null) parts.push("mean over ranks");
  else if (s.rank !== null) parts.push(`rank ${s.rank}`);
  if (lines.attempts && s.attempt !== null) parts.push(`attempt ${s.attempt}`);
  if (parts.length === 0) parts.push(s.column ?? s.metric);
  if (s.axis === "ordinal" && parts.length > 0) parts.push("(no step)");
  return {
    label: parts.join(", "),
    colour: lines.attempts ? shade(base, s.attempt ?? lines.latest, lines.latest) : base,
  };
}

/** Older attempts fade towards grey, never out of sight. */
export function shade(colour: string, attempt: number, latest: number): string {
  if (attempt >= latest) return colour;
  const share = Math.max(30, 62 - 12 * (latest - attempt - 1));
  return `color-mix(in srgb, ${colour} ${share}%, #9aa3a8)`;
}

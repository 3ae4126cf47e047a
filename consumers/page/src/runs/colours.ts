/**
 * An eye and a colour per run, the same in table and charts. The eyes that are shut stand in the address (`hidden=`);
 * colours follow from the run id.
 */

import { change, parameter } from "../url";

/** Told apart on light and dark ground, and in the usual kinds of colour blindness as far as twelve can be. */
export const PALETTE = [
  "#3b7dd8",
  "#e07b39",
  "#2a9d6f",
  "#c2478f",
  "#8a63d2",
  "#c9a227",
  "#1f9eb5",
  "#d1495b",
  "#6b8e23",
  "#7d6b5d",
  "#5b6ee1",
  "#b5651d",
] as const;

const given = new Map<string, number>();
const uses = new Array<number>(PALETTE.length).fill(0);

/** The run's colour, "#rrggbb". Runs seen together get different ones as long as there are some. */
export function colourOf(run_id: string): string {
  let at = given.get(run_id);
  if (at === undefined) {
    at = leastUsed(hash(run_id) % PALETTE.length);
    given.set(run_id, at);
    uses[at] = (uses[at] ?? 0) + 1;
  }
  return PALETTE[at] ?? PALETTE[0];
}

/** Whether the run's eye is open. */
export function isShown(run_id: string): boolean {
  return !hiddenRuns().has(run_id);
}

/** Opens or shuts the eye of runs. */
export function show(run_ids: readonly string[], shown: boolean): void {
  const hidden = hiddenRuns();
  for (const run_id of run_ids) {
    if (shown) hidden.delete(run_id);
    else hidden.add(run_id);
  }
  change({ hidden: hidden.size === 0 ? null : [...hidden].map(encodeURIComponent).join(",") }, { replace: true });
}

function hiddenRuns(): Set<string> {
  const text = parameter("hidden");
  return new Set(text === "" ? [] : text.split(",").map(decodeURIComponent));
}

function leastUsed(start: number): number {
  const least = Math.min(...uses);
  for (let step = 0; step < PALETTE.length; step++) {
    const at = (start + step) % PALETTE.length;
    if (uses[at] === least) return at;
  }
  return start;
}

function hash(text: string): number {
  let value = 2_166_136_261;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16_777_619) >>> 0;
  return value;
}

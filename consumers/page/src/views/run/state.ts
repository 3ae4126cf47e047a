/** What all tabs of the run view share: which run, as of when, and a counter per kind of change. */

import { type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Of, Run } from "./api";

export const KINDS = ["status", "tags", "properties", "points", "logs", "artifacts", "decisions", "facts"] as const;
export type Kind = (typeof KINDS)[number];

export interface RunState {
  readonly of: Of;
  readonly run: Run;
  /** Raised when something of the kind changed; always at rest while looking back. */
  readonly ticks: Readonly<Record<Kind, Signal<number>>>;
  /** Text that is lit in all charts. */
  readonly lit: Signal<string | null>;
  /** Whether the principal may write here. */
  readonly mayWrite: boolean;
}

export function makeTicks(): Record<Kind, Signal<number>> {
  return Object.fromEntries(KINDS.map((kind) => [kind, signal(0)])) as Record<Kind, Signal<number>>;
}

export const RunContext = createContext<RunState | null>(null);

export function useRun(): RunState {
  const state = useContext(RunContext);
  if (state === null) throw new Error("A part of the run view was drawn outside of it.");
  return state;
}

/** Sum of the counters of some kinds: a tick for `useAsked`. */
export function tickOf(state: RunState, ...kinds: Kind[]): number {
  return kinds.reduce((sum, kind) => sum + state.ticks[kind].value, 0);
}

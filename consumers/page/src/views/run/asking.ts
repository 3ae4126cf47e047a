/** Answers that stay up to date: asked again when what they depend on changes, the old one shown meanwhile. */

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../../api";

export interface Asked<T> {
  readonly data: T | null;
  readonly error: string | null;
  readonly busy: boolean;
}

const AGAIN_MS = 400;

/**
 * The answer of `ask`, asked once per `key` and again whenever `tick` changes, at most every 400 ms and never twice at once.
 * With another key, the old answer goes: it is of something else.
 */
export function useAsked<T>(
  key: string,
  tick: number | string,
  ask: (aborted: AbortSignal) => Promise<T>,
): Signal<Asked<T>> {
  const state = useSignal<Asked<T>>({ data: null, error: null, busy: true });
  const latest = useRef(ask);
  latest.current = ask;
  const life = useRef<{ ask: () => void } | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    let running = false;
    let again = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const go = (): void => {
      if (running) {
        again = true;
        return;
      }
      running = true;
      again = false;
      state.value = { ...state.peek(), busy: true };
      latest
        .current(abort.signal)
        .then((data) => {
          if (!abort.signal.aborted) state.value = { data, error: null, busy: false };
        })
        .catch((error: unknown) => {
          if (!abort.signal.aborted) state.value = { ...state.peek(), error: why(error), busy: false };
        })
        .finally(() => {
          if (abort.signal.aborted) return;
          timer = setTimeout(() => {
            running = false;
            if (again) go();
          }, AGAIN_MS);
        });
    };
    state.value = { data: null, error: null, busy: true };
    life.current = { ask: go };
    go();
    return () => {
      abort.abort();
      clearTimeout(timer);
      life.current = null;
    };
  }, [key]);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else life.current?.ask();
  }, [tick]);
  return state;
}

/** An error as a sentence for a person. */
export function why(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof SyntaxError) return `It is not readable: ${error.message}`;
  return "The API cannot be reached. What is shown may be old.";
}

/** What compare needs of its runs: each run whole, and values of chosen refs, in the order of the runs. */

import { type Signal, signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError, below, type FoundRun, get, searchRuns } from "../../api";
import { quoted } from "../../runs/refs";
import { isRowField } from "../../runs/wording";
import type { Detail } from "./differences";

const AT_ONCE = 6;
const IDS_MAX = 80;
const REFS_MAX = 90;

export interface Loaded<T> {
  readonly value: T;
  readonly busy: boolean;
  readonly error: Error | null;
}

/** The runs whole; those that are unknown are told in `missing`. */
export function useDetails(
  workspace: string,
  ids: string,
): Signal<Loaded<{ runs: readonly Detail[]; missing: readonly string[] }>> {
  const loaded = useMemo(
    () =>
      signal<Loaded<{ runs: readonly Detail[]; missing: readonly string[] }>>({
        value: { runs: [], missing: [] },
        busy: true,
        error: null,
      }),
    [],
  );
  useEffect(() => {
    const abort = new AbortController();
    const run_ids = ids === "" ? [] : ids.split("\n");
    eachOf(run_ids, (run_id) =>
      get<Detail>(below(workspace, "runs", run_id), {}, { signal: abort.signal }).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }),
    )
      .then((found) => {
        const runs = found.filter((run) => run !== null);
        const missing = run_ids.filter((_, at) => found[at] === null);
        loaded.value = { value: { runs, missing }, busy: false, error: null };
      })
      .catch((error: Error) => {
        if (!abort.signal.aborted) loaded.value = { ...loaded.peek(), busy: false, error };
      });
    return () => abort.abort();
  }, [workspace, ids, loaded]);
  return loaded;
}

/** Rows of the runs with values of the refs. */
export function useRows(workspace: string, ids: string, refs: readonly string[]): Loaded<readonly FoundRun[]> {
  const loaded = useSignal<Loaded<readonly FoundRun[]>>({ value: [], busy: true, error: null });
  const asked = refs.filter((ref) => !isRowField(ref)).join(",");
  useEffect(() => {
    const abort = new AbortController();
    loaded.value = { ...loaded.peek(), busy: true };
    const run_ids = ids === "" ? [] : ids.split("\n");
    const columns =
      asked === ""
        ? [[]]
        : chunks(
            refs.filter((ref) => !isRowField(ref)),
            REFS_MAX,
          );
    const pages = chunks(run_ids, IDS_MAX).flatMap((some) => columns.map((of) => ({ some, of })));
    eachOf(pages, async ({ some, of }) => {
      const q = `run_id in (${some.map(quoted).join(", ")})`;
      const answer = await searchRuns(
        workspace,
        { q, columns: of.join(","), limit: some.length, count: false, include_children: true },
        { signal: abort.signal },
      );
      return answer.runs;
    })
      .then((answers) => {
        const found = new Map<string, FoundRun>();
        for (const run of answers.flat()) {
          const before = found.get(run.run_id);
          found.set(run.run_id, before === undefined ? run : { ...run, values: { ...before.values, ...run.values } });
        }
        const value = run_ids.flatMap((run_id) => found.get(run_id) ?? []);
        loaded.value = { value, busy: false, error: null };
      })
      .catch((error: Error) => {
        if (!abort.signal.aborted) loaded.value = { ...loaded.peek(), busy: false, error };
      });
    return () => abort.abort();
  }, [workspace, ids, asked, loaded]);
  return loaded.value;
}

export function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}

/** Results in order, a few requests at a time. */
async function eachOf<T, R>(all: readonly T[], ask: (one: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(all.length);
  let next = 0;
  const worker = async () => {
    while (next < all.length) {
      const at = next++;
      results[at] = await ask(all[at] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, worker));
  return results;
}

/** Points of many runs and metrics in one request; the server thins them out and says of how many. */

import { below, get, type Options, send } from "./client";
import type { SeriesAnswer } from "./types";

export interface SeriesAsked {
  readonly run_id: readonly string[];
  /** A name, or JSON `["name", "column"]`. */
  readonly metric: readonly string[];
  readonly rank?: number | undefined;
  readonly attempt?: number | "all" | undefined;
  readonly fold?: "none" | "ranks" | undefined;
  /** 0: all points. */
  readonly buckets?: number | undefined;
  readonly x?: "step" | "time" | "relative" | "ordinal" | undefined;
  readonly from?: number | string | undefined;
  readonly to?: number | string | undefined;
  readonly after?: string | undefined;
  readonly as_of?: string | undefined;
}

const QUERY_CHARACTERS_MAX = 4_000; // beyond it addresses are refused on the way; the same is asked by POST

export function series(workspace: string, asked: SeriesAsked, options?: Options): Promise<SeriesAnswer> {
  const path = below(workspace, "series");
  const characters = [...asked.run_id, ...asked.metric].reduce((sum, text) => sum + text.length + 8, 0);
  return characters > QUERY_CHARACTERS_MAX ? send("POST", path, asked, options) : get(path, { ...asked }, options);
}

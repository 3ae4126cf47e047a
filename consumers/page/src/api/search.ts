/** Search over runs: rows, groups, and what may be named as a column. */

import { below, get, type Options } from "./client";
import type { Column, FoundRuns, Groups } from "./types";

export interface RunsAsked {
  readonly q?: string | undefined;
  readonly sort?: string | undefined;
  readonly columns?: string | undefined;
  readonly cursor?: string | undefined;
  readonly skip?: number | undefined;
  readonly limit?: number | undefined;
  readonly count?: boolean | undefined;
  readonly include_children?: boolean | undefined;
}

export function searchRuns(workspace: string, asked: RunsAsked, options?: Options): Promise<FoundRuns> {
  return get(below(workspace, "search", "runs"), { ...asked }, options);
}

export interface GroupsAsked {
  readonly q?: string | undefined;
  readonly by: string;
  readonly values?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

export function searchGroups(workspace: string, asked: GroupsAsked, options?: Options): Promise<Groups> {
  return get(below(workspace, "search", "groups"), { ...asked }, options);
}

export async function searchColumns(
  workspace: string,
  asked: { prefix?: string; experiment?: string; limit?: number },
  options?: Options,
): Promise<readonly Column[]> {
  const answer = await get<{ columns: readonly Column[] }>(below(workspace, "search", "columns"), asked, options);
  return answer.columns;
}

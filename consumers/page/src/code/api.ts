/** Snapshots of code by their files: what the API tells, and what is asked. */

import { type Answer, address, below, get, getRaw, type Options } from "../api";

export interface Content {
  readonly size: number;
  readonly crc32: string;
  readonly executable: boolean;
}

export interface CodeFile extends Content {
  readonly path: string;
  readonly unreadable: string | null;
}

export interface CodeFiles extends Answer {
  readonly files: readonly CodeFile[];
  readonly n: number;
  readonly of: number;
  readonly content_bytes: number;
  readonly next_cursor: string | null;
}

export interface CodeDifference {
  readonly path: string;
  readonly contents: readonly Content[];
  /** Of each compared snapshot the place in `contents`; null where it has no such file. */
  readonly which: readonly (number | null)[];
}

export interface CodeDifferences extends Answer {
  readonly snapshots: readonly { readonly snapshot_id: string; readonly files: number }[];
  readonly left: readonly { readonly snapshot_id: string; readonly code: string; readonly message: string }[];
  readonly files: readonly CodeDifference[];
  readonly n: number;
  readonly of: number;
  readonly paths: number;
}

/** How many snapshots the API compares at once. */
export const SNAPSHOTS_MAX = 50;

export function differencesOf(workspace: string, ids: readonly string[], options: Options): Promise<CodeDifferences> {
  return get(below(workspace, "snapshots", "differences"), { of: ids }, options);
}

/** All files of a snapshot: the API tells 10,000 at a time, and no snapshot has more than 20,000 that it tells. */
export async function filesOf(workspace: string, id: string, options: Options): Promise<CodeFiles> {
  const path = below(workspace, "snapshots", id, "files");
  let all = await get<CodeFiles>(path, {}, options);
  while (all.next_cursor !== null) {
    const page = await get<CodeFiles>(path, { cursor: all.next_cursor }, options);
    all = { ...page, files: [...all.files, ...page.files] };
  }
  return all;
}

/** Address of the beginning of a file, for requests and as the source of an image. */
export function contentAddress(workspace: string, id: string, path: string): string {
  return address(contentPath(workspace, id), { path });
}

/** The beginning of a file: at most `limit` bytes, of which there may be 4 MiB. */
export function contentOf(
  workspace: string,
  id: string,
  path: string,
  limit: number | undefined,
  options: Options,
): Promise<Response> {
  return getRaw(contentPath(workspace, id), { path, limit }, options);
}

function contentPath(workspace: string, id: string): string {
  return below(workspace, "snapshots", id, "files", "content");
}

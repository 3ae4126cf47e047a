/** Files as a tree of folders. Pure. */

import type { Artifact } from "../api";

/** A file as a tree needs it. */
export interface Leaf {
  readonly path: string;
  readonly size: number;
  readonly attempt?: number;
}

export interface Folder<F extends Leaf = Artifact> {
  readonly name: string;
  readonly path: string;
  readonly folders: readonly Folder<F>[];
  readonly files: readonly F[];
  /** Of all files below. */
  readonly size: number;
  readonly count: number;
}

const COLLATE = new Intl.Collator("en", { numeric: true });

export function treeOf<F extends Leaf>(files: readonly F[]): Folder<F> {
  return folderOf("", "", files, 0);
}

function folderOf<F extends Leaf>(name: string, path: string, all: readonly F[], depth: number): Folder<F> {
  const files: F[] = [];
  const below = new Map<string, F[]>();
  for (const file of all) {
    const parts = file.path.split("/");
    if (parts.length - 1 <= depth) files.push(file);
    else {
      const next = parts[depth] as string;
      const some = below.get(next);
      if (some === undefined) below.set(next, [file]);
      else some.push(file);
    }
  }
  const folders = [...below.entries()]
    .sort(([a], [b]) => COLLATE.compare(a, b))
    .map(([part, some]) => folderOf(part, path === "" ? part : `${path}/${part}`, some, depth + 1));
  return {
    name,
    path,
    folders,
    files: files.sort((a, b) => COLLATE.compare(a.path, b.path) || (a.attempt ?? 0) - (b.attempt ?? 0)),
    size: all.reduce((sum, file) => sum + file.size, 0),
    count: all.length,
  };
}

export type Kind = "image" | "json" | "csv" | "text" | "other";

const TEXTS =
  /\.(txt|log|md|rst|py|ipynb|sh|ya?ml|toml|ini|cfg|conf|sql|r|js|ts|tsx|jsx|css|xml|html?|svg|c|h|cpp|rs|go|java|scala|env|lock|gitignore|amlignore)$/i;

/** How a file is shown, by its media type, else by its name. */
export function kindOf(file: { readonly path: string; readonly media_type?: string | null }): Kind {
  const type = file.media_type ?? "";
  const name = file.path.replace(/@\d+(\.[0-9a-f]+)?$/, "");
  if (/^image\/(png|jpeg|gif|webp|bmp|avif)$/.test(type) || /\.(png|jpe?g|gif|webp|bmp|avif)$/i.test(name))
    return "image";
  if (type.includes("json") || /\.(json|geojson|ipynb)$/i.test(name)) return "json";
  if (type === "text/csv" || /\.(csv|tsv)$/i.test(name)) return "csv";
  if (type.startsWith("text/") || TEXTS.test(name)) return "text";
  return "other";
}

/** Rows of CSV text (RFC 4180), at most `limit`; the separator is the one that the first line has more of. */
export function parseCsv(text: string, limit: number): string[][] {
  const head = text.split("\n", 1)[0] ?? "";
  const separator = [",", "\t", ";"].reduce(
    (best, c) => (head.split(c).length > head.split(best).length ? c : best),
    ",",
  );
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length && rows.length < limit; i++) {
    const c = text[i] as string;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i += 1;
      } else quoted = false;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === separator) {
      row.push(field);
      field = "";
    } else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i += 1;
      rows.push([...row, field]);
      row = [];
      field = "";
    } else field += c;
  }
  if ((field !== "" || row.length > 0) && rows.length < limit) rows.push([...row, field]);
  return rows;
}

/** Images of the run by name: each with its versions in the order of logging. */
export interface ImageSeries {
  readonly name: string;
  readonly versions: readonly Artifact[];
}

export function imagesOf(artifacts: readonly Artifact[]): ImageSeries[] {
  const by = new Map<string, Artifact[]>();
  for (const file of artifacts) {
    if (file.metric_type !== "image" && kindOf(file) !== "image") continue;
    const name = file.metric_name ?? file.name;
    by.set(name, [...(by.get(name) ?? []), file]);
  }
  return [...by.entries()]
    .sort(([a], [b]) => COLLATE.compare(a, b))
    .map(([name, versions]) => ({
      name,
      versions: versions.sort((a, b) => a.created_at.localeCompare(b.created_at) || COLLATE.compare(a.path, b.path)),
    }));
}

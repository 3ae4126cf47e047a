/** What the runs view shows, to and from the address: two plain functions. */

import { splitRefs } from "../../runs/refs";
import type { Parameters } from "../../url/codec";

export interface Place {
  readonly ref: string;
  readonly descending: boolean;
}

export interface RunsState {
  readonly q: string;
  readonly sort: readonly Place[];
  /** null: the view's own choice. */
  readonly columns: readonly string[] | null;
  readonly pinned: readonly string[];
  readonly widths: Readonly<Record<string, number>>;
  readonly children: boolean;
  /** A ref to group by; empty for a table of runs. */
  readonly by: string;
  readonly selected: readonly string[];
  /** Metrics charted beside the table; null: the view's own choice; empty: no charts. */
  readonly charts: readonly string[] | null;
}

export const NEWEST: readonly Place[] = [{ ref: "created", descending: true }];
const NONE = "none";

export function stateOf(parameters: Parameters): RunsState {
  const one = (name: string): string => parameters[name]?.[0] ?? "";
  const list = (name: string): readonly string[] | null => {
    const text = parameters[name]?.[0];
    return text === undefined ? null : text === NONE ? [] : splitRefs(text);
  };
  const sort = splitRefs(one("sort")).map((text) => ({
    ref: text.replace(/^-/, ""),
    descending: text.startsWith("-"),
  }));
  return {
    q: one("q"),
    sort: sort.length === 0 ? NEWEST : sort,
    columns: list("columns"),
    pinned: list("pinned") ?? [],
    widths: Object.fromEntries(
      splitRefs(one("widths")).flatMap((text) => {
        const [, ref, width] = /^(.*):(\d+)$/s.exec(text) ?? [];
        return ref === undefined ? [] : [[ref, Math.min(1200, Math.max(40, Number(width)))]];
      }),
    ),
    children: one("children") === "all",
    by: one("by"),
    selected: (list("selected") ?? []).map(decoded),
    charts: list("charts"),
  };
}

/** Parameters of a state; what is the default is left out. Other parameters of the address (`hidden`) are not touched. */
export function parametersOf(state: RunsState): Record<string, string | null> {
  const sort = sortText(state.sort);
  return {
    q: state.q || null,
    sort: sort === sortText(NEWEST) ? null : sort,
    columns: state.columns === null ? null : state.columns.join(",") || NONE,
    pinned: state.pinned.join(",") || null,
    widths:
      Object.entries(state.widths)
        .map(([ref, width]) => `${ref}:${Math.round(width)}`)
        .join(",") || null,
    children: state.children ? "all" : null,
    by: state.by || null,
    selected: state.selected.map(encodeURIComponent).join(",") || null,
    charts: state.charts === null ? null : state.charts.join(",") || NONE,
  };
}

/** An order as the API reads it. */
export function sortText(sort: readonly Place[]): string {
  return sort.map(({ ref, descending }) => (descending ? `-${ref}` : ref)).join(",");
}

/** The order after a click on a head: descending, ascending, none; `adds` keeps the others before it. */
export function sortedBy(sort: readonly Place[], ref: string, adds: boolean): readonly Place[] {
  const now = sort.find((place) => place.ref === ref);
  const next: readonly Place[] =
    now === undefined ? [{ ref, descending: true }] : now.descending ? [{ ref, descending: false }] : [];
  const others = adds ? sort.filter((place) => place.ref !== ref) : [];
  const both = [...others, ...next];
  return both.length === 0 ? NEWEST : both;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

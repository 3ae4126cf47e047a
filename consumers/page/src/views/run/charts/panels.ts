/** Which panels there are, in which sections and order. Pure. */

import type { MetricSummary } from "../../../api";
import { refOf } from "../../../charts/feed";

export interface PanelSpec {
  /** As /series takes the metric. */
  readonly ref: string;
  readonly title: string;
  /** All before the last slash; "" without one. A row's columns stand below the row's name. */
  readonly prefix: string;
  readonly summary: MetricSummary;
}

export interface Section {
  readonly prefix: string;
  readonly panels: readonly PanelSpec[];
  /** Panels below this prefix, deeper ones too. */
  readonly count: number;
}

export type Order = "name" | "latest" | "points" | "nonfinite";
export const ORDERS: readonly (readonly [Order, string])[] = [
  ["name", "by name"],
  ["latest", "latest first"],
  ["points", "most points first"],
  ["nonfinite", "not finite first"],
];

const TEXTS = ["string", "null"];
const COLLATE = new Intl.Collator("en", { numeric: true });

/** Panels of what can be drawn, texts apart; columns of rows and tables where they are asked for. */
export function panelsOf(
  metrics: readonly MetricSummary[],
  rows: boolean,
): { panels: PanelSpec[]; texts: MetricSummary[]; columns: number } {
  const panels: PanelSpec[] = [];
  const texts: MetricSummary[] = [];
  const seen = new Set<string>();
  let columns = 0;
  for (const summary of metrics) {
    if (TEXTS.includes(summary.kind)) {
      if (summary.column === null) texts.push(summary);
      continue;
    }
    if (summary.column !== null) columns += 1;
    if (summary.column !== null && !rows) continue;
    const ref = refOf(summary.name, summary.column);
    if (seen.has(ref)) continue; // logged with steps and without: one panel, two lines
    seen.add(ref);
    const path = summary.column === null ? summary.name : `${summary.name}/${summary.column}`;
    const slash = summary.column === null ? summary.name.lastIndexOf("/") : summary.name.length;
    panels.push({ ref, title: path.slice(slash + 1) || path, prefix: path.slice(0, Math.max(0, slash)), summary });
  }
  return { panels, texts, columns };
}

/** A regular expression, without regard to case; what is none is said so. */
export function searchOf(text: string): { matches: (name: string) => boolean; error: string | null } {
  if (text === "") return { matches: () => true, error: null };
  try {
    const expression = new RegExp(text, "iu");
    return { matches: (name) => expression.test(name), error: null };
  } catch (error) {
    const literal = text.toLowerCase();
    const why = error instanceof Error ? error.message.replace(/^.*: /, "") : "";
    return {
      matches: (name) => name.toLowerCase().includes(literal),
      error: `no regular expression (${why}), so it is searched as text`,
    };
  }
}

/** Whole path of a panel. */
export function pathOf(panel: PanelSpec): string {
  return panel.prefix === "" ? panel.title : `${panel.prefix}/${panel.title}`;
}

/** Sections by prefix in order of their names, panels within as asked. */
export function sectionsOf(panels: readonly PanelSpec[], order: Order): Section[] {
  const by = new Map<string, PanelSpec[]>();
  for (const panel of panels) by.set(panel.prefix, [...(by.get(panel.prefix) ?? []), panel]);
  const prefixes = [...by.keys()].sort((a, b) => COLLATE.compare(a, b));
  return prefixes.map((prefix) => ({
    prefix,
    panels: ordered(by.get(prefix) ?? [], order),
    count: panels.filter((panel) => isBelow(panel.prefix, prefix)).length,
  }));
}

export function isBelow(prefix: string, ancestor: string): boolean {
  return prefix === ancestor || (ancestor !== "" && prefix.startsWith(`${ancestor}/`));
}

/** Whether the section is hidden since one above it is folded. */
export function isWithin(prefix: string, folded: ReadonlySet<string>): boolean {
  const parts = prefix.split("/");
  return parts.some((_, i) => i > 0 && folded.has(parts.slice(0, i).join("/")));
}

function ordered(panels: readonly PanelSpec[], order: Order): PanelSpec[] {
  const by: Record<Order, (a: PanelSpec, b: PanelSpec) => number> = {
    name: () => 0,
    latest: (a, b) => (b.summary.last_time ?? "").localeCompare(a.summary.last_time ?? ""),
    points: (a, b) => b.summary.points - a.summary.points,
    nonfinite: (a, b) => b.summary.nonfinite - a.summary.nonfinite,
  };
  return [...panels].sort((a, b) => by[order](a, b) || COLLATE.compare(a.title, b.title));
}

/** How charts of a run are shown, as the address holds it. Two plain functions. */

import type { Range } from "../../../charts/data";
import { decodeSmoothing, encodeSmoothing, type Smoothing } from "../../../charts/smoothing";
import { decodeRange, encodeRange } from "../../../charts/zooming";
import { ORDERS, type Order } from "./panels";

export type Ranks = "band" | "each" | number;
export type XChoice = { kind: "step" | "relative" | "time" | "ordinal" } | { kind: "metric"; ref: string };

export interface Choices {
  q: string;
  order: Order;
  /** 0: as many as fit. */
  columns: number;
  smoothing: Smoothing;
  x: XChoice;
  xLog: boolean;
  yLog: boolean;
  ranks: Ranks | null;
  attempt: number | "all" | null;
  zoom: Range | null;
  /** Each panel zooms alone. */
  alone: boolean;
  /** Columns of rows and tables too. */
  rows: boolean;
  pinned: readonly string[];
  folded: readonly string[];
}

export type Parameters = Readonly<Record<string, readonly string[]>>;

export function decodeChoices(from: Parameters): Choices {
  const one = (name: string): string => from[name]?.[0] ?? "";
  const order = ORDERS.find(([id]) => id === one("order"))?.[0] ?? "name";
  return {
    q: one("q"),
    order,
    columns: Math.min(Math.max(Math.trunc(Number(one("columns"))) || 0, 0), 8),
    smoothing: decodeSmoothing(one("smooth")),
    x: decodeX(one("x")),
    xLog: one("xlog") === "1",
    yLog: one("ylog") === "1",
    ranks: decodeRanks(one("ranks")),
    attempt: one("attempt") === "all" ? "all" : natural(one("attempt")),
    zoom: decodeRange(one("zoom")),
    alone: one("alone") === "1",
    rows: one("rows") === "1",
    pinned: from["pinned"] ?? [],
    folded: from["folded"] ?? [],
  };
}

/** What to change in the address; null takes a parameter away. */
export function encodeChoices(some: Partial<Choices>): Record<string, string | readonly string[] | null> {
  const to: Record<string, string | readonly string[] | null> = {};
  const put = (name: string, text: string): void => {
    to[name] = text === "" ? null : text;
  };
  if (some.q !== undefined) put("q", some.q);
  if (some.order !== undefined) put("order", some.order === "name" ? "" : some.order);
  if (some.columns !== undefined) put("columns", some.columns === 0 ? "" : String(some.columns));
  if (some.smoothing !== undefined) put("smooth", encodeSmoothing(some.smoothing));
  if (some.x !== undefined)
    put("x", some.x.kind === "metric" ? `metric:${some.x.ref}` : some.x.kind === "step" ? "" : some.x.kind);
  if (some.xLog !== undefined) put("xlog", some.xLog ? "1" : "");
  if (some.yLog !== undefined) put("ylog", some.yLog ? "1" : "");
  if (some.ranks !== undefined) put("ranks", some.ranks === null ? "" : String(some.ranks));
  if (some.attempt !== undefined) put("attempt", some.attempt === null ? "" : String(some.attempt));
  if (some.zoom !== undefined) put("zoom", encodeRange(some.zoom));
  if (some.alone !== undefined) put("alone", some.alone ? "1" : "");
  if (some.rows !== undefined) put("rows", some.rows ? "1" : "");
  if (some.pinned !== undefined) to["pinned"] = some.pinned.length === 0 ? null : some.pinned;
  if (some.folded !== undefined) to["folded"] = some.folded.length === 0 ? null : some.folded;
  return to;
}

function decodeX(text: string): XChoice {
  if (text.startsWith("metric:")) return { kind: "metric", ref: text.slice("metric:".length) };
  return text === "relative" || text === "time" || text === "ordinal" ? { kind: text } : { kind: "step" };
}

function decodeRanks(text: string): Ranks | null {
  return text === "band" || text === "each" ? text : natural(text);
}

function natural(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

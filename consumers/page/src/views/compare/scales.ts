/** Scales of an axis over values of any kind: numbers evenly, all else by rank. Pure. */

import type { Value } from "../../api";
import { short } from "../../charts/wording";
import { numberOf } from "../../runs/wording";

export interface Scale {
  readonly ref: string;
  readonly numeric: boolean;
  /** From 0 to 1; null where there is no value, or none that is finite. */
  at(value: Value): number | null;
  /** Of a numeric scale, the value at a place. */
  value(place: number): number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

const TICKS = 5;
const WORDS_MAX = 12;

export function scaleOf(ref: string, values: readonly Value[]): Scale {
  const there = values.filter((value) => value !== null && value !== "");
  const numbers = there.map(asNumber);
  const finite = numbers.filter((value): value is number => value !== null && Number.isFinite(value));
  if (there.length > 0 && numbers.every((value) => value !== null) && finite.length > 0)
    return numericScale(ref, finite);
  const words = [...new Set(there.map(String))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const place = (word: string) => (words.length === 1 ? 0.5 : words.indexOf(word) / (words.length - 1));
  const every = Math.max(1, Math.ceil(words.length / WORDS_MAX));
  return {
    ref,
    numeric: false,
    at: (value) => (value === null || value === "" ? null : place(String(value))),
    value: (at) => at,
    ticks: words.filter((_, at) => at % every === 0).map((word) => ({ at: place(word), text: word })),
  };
}

function numericScale(ref: string, finite: readonly number[]): Scale {
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const span = high - low;
  const at = (value: Value): number | null => {
    const number = asNumber(value);
    if (number === null || !Number.isFinite(number)) return null;
    return span === 0 ? 0.5 : (number - low) / span;
  };
  const step = span === 0 ? 0 : niceStep(span / (TICKS - 1));
  const ticks: { at: number; text: string }[] = [];
  if (step === 0) ticks.push({ at: 0.5, text: short(low) });
  else {
    for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) {
      ticks.push({ at: (tick - low) / span, text: short(Math.abs(tick) < step * 1e-9 ? 0 : tick, 4) });
    }
  }
  return { ref, numeric: true, at, value: (place) => low + place * span, ticks };
}

/** Tags are texts: one that says a number is meant as one. */
function asNumber(value: Value): number | null {
  const number = numberOf(value);
  if (number !== null || typeof value !== "string") return number;
  const text = value.trim();
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : null;
}

function niceStep(raw: number): number {
  const size = 10 ** Math.floor(Math.log10(raw));
  const share = raw / size;
  return size * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

/** Numbers, times and counts as the page writes them: short, and never rounder than it says. */

const GROUPS = new Intl.NumberFormat("en-GB");

/** A whole number with groups: 1,234,567. */
export function count(n: number): string {
  return GROUPS.format(n);
}

/** A value to at most `digits` significant digits; small and large ones with an exponent. */
export function short(value: number | null | undefined, digits = 5): string {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return GROUPS.format(value);
  if (size >= 1e6 || size < 1e-4)
    return value
      .toExponential(Math.max(0, digits - 2))
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return String(Number(value.toPrecision(digits)));
}

/** Seconds as a duration: 0.42 s, 12.3 s, 4 min 05 s, 3 h 20 min, 2 d 4 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const sign = seconds < 0 ? "−" : "";
  const s = Math.abs(seconds);
  if (s < 60) return `${sign}${s < 10 ? Number(s.toFixed(2)) : Number(s.toFixed(1))} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  if (whole < 86_400)
    return `${sign}${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  return `${sign}${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** Bytes: 812 B, 1.4 KiB, 3.2 MiB. */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A moment in local time to the second, or to the microsecond where `exact`. */
export function moment(iso: string | null | undefined, exact = false): string {
  if (!iso) return "–";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const fraction = exact ? `.${(/\.(\d+)/.exec(iso)?.[1] ?? "0").padEnd(6, "0").slice(0, 6)}` : "";
  return `${day} ${time}${fraction}`;
}

/** Seconds between two moments; to now without an end. */
export function seconds(from: string | null, to: string | null, now: number): number | null {
  if (!from) return null;
  return ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000;
}

/** "n of m points", or all of them. */
export function nOfM(n: number, of: number, what = "points"): string {
  return n >= of ? `${count(of)} ${of === 1 ? what.replace(/s$/, "") : what}` : `${count(n)} of ${count(of)} ${what}`;
}

/** A line of a few pixels for a table's cell. Gaps are gaps; what it cannot show, its label says. */

import { short } from "./wording";

export interface SparklineProps {
  x?: readonly number[] | undefined;
  value: readonly (number | null)[];
  /** What a screen reader hears before the figures, such as the metric's name. */
  label: string;
  colour?: string | undefined;
  width?: number | undefined;
  height?: number | undefined;
}

export function Sparkline({ x, value, label, colour, width = 96, height = 20 }: SparklineProps) {
  const finite = value.filter((v): v is number => v !== null && Number.isFinite(v));
  const last = finite[finite.length - 1];
  const told =
    finite.length === 0
      ? `${label}: no finite values`
      : `${label}: ${finite.length} points, from ${short(Math.min(...finite))} to ${short(Math.max(...finite))}, last ${short(last)}`;
  return (
    <svg
      class="sparkline"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={told}
    >
      <title>{told}</title>
      <path
        d={sparkPath(x ?? value.map((_, i) => i), value, width, height)}
        fill="none"
        stroke={colour ?? "currentColor"}
        stroke-width="1.4"
        stroke-linejoin="round"
        stroke-linecap="round"
      />
    </svg>
  );
}

/** SVG path of a line in a box, with two pixels of air; a value alone is a dot. */
export function sparkPath(
  x: readonly number[],
  value: readonly (number | null)[],
  width: number,
  height: number,
): string {
  let min = Infinity;
  let max = -Infinity;
  for (const v of value)
    if (v !== null && Number.isFinite(v)) {
      min = Math.min(min, v);
      max = Math.max(max, v);
    }
  if (min > max) return "";
  const left = x[0] ?? 0;
  const across = (x[x.length - 1] ?? 0) - left || 1;
  const up = max - min || 1;
  const placed = (i: number, v: number): string => {
    const px = x.length === 1 ? width / 2 : 2 + (((x[i] as number) - left) / across) * (width - 4);
    const py = max === min ? height / 2 : height - 2 - ((v - min) / up) * (height - 4);
    return `${px.toFixed(1)} ${py.toFixed(1)}`;
  };
  let path = "";
  let drawing = false;
  value.forEach((v, i) => {
    if (v === null || !Number.isFinite(v)) {
      drawing = false;
      return;
    }
    const at = placed(i, v);
    const next = value[i + 1];
    const alone = !drawing && (next === undefined || next === null || !Number.isFinite(next));
    path += drawing ? `L${at}` : alone ? `M${at}h.1` : `M${at}`;
    drawing = true;
  });
  return path;
}

/** The lines of a chart by name, with what each has at the cursor, else its last value. */

import type { Signal } from "@preact/signals";
import { keyOf, type PlotSeries } from "./data";
import { type XAxis, xText } from "./options";
import type { AtCursor } from "./plot";
import { short } from "./wording";

interface LegendProps {
  series: readonly PlotSeries[];
  at: AtCursor | null;
  x: XAxis;
  hoverRun: Signal<string | null>;
  hoverOf: (s: PlotSeries) => string;
}

const ROWS_MAX = 200;

export function ChartLegend({ series, at, x, hoverRun, hoverOf }: LegendProps) {
  const smoothedAt = new Map<number, number>();
  const rawAt = new Map<number, number>();
  at?.layers.forEach((layer, i) => {
    (layer.what === "smoothed" ? smoothedAt : rawAt).set(layer.series, i);
  });
  const toldOf = (i: number): string => {
    const s = series[i] as PlotSeries;
    if (at === null) return short(lastOf(s.value));
    const layer = rawAt.get(i);
    const raw = layer === undefined ? null : at.layers[layer]?.value[at.index[layer] ?? -1];
    const smooth = smoothedAt.get(i);
    const opinion = smooth === undefined ? null : at.layers[smooth]?.value[at.index[smooth] ?? -1];
    return short(raw) + (opinion === null || opinion === undefined ? "" : ` ~ ${short(opinion)}`);
  };
  return (
    <div class="chart-legend">
      <ul>
        {series.slice(0, ROWS_MAX).map((s, i) => (
          <li
            key={keyOf(s)}
            data-lit={hoverRun.value === hoverOf(s) ? "true" : undefined}
            onMouseEnter={() => {
              hoverRun.value = hoverOf(s);
            }}
            onMouseLeave={() => {
              hoverRun.value = null;
            }}
          >
            <svg width="12" height="8" aria-hidden="true">
              <rect y="2.5" width="12" height="3" rx="1.5" fill={s.colour} />
            </svg>
            <span class="chart-legend-label">{s.label}</span>
            <span class="chart-legend-value">{toldOf(i)}</span>
          </li>
        ))}
      </ul>
      {at && <span class="chart-legend-x">{xText(x, at.x)}</span>}
      {series.length > ROWS_MAX && <span class="chart-legend-x">and {series.length - ROWS_MAX} lines more</span>}
    </div>
  );
}

function lastOf(values: readonly (number | null)[]): number | null {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i] as number;
  return null;
}

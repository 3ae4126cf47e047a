/** The same data as a table, for whoever hears rather than sees, or wants the digits. */

import { indices, keyOf, type PlotSeries, type Range } from "./data";
import { type XAxis, xText } from "./options";
import { type Smoothing, smoothed } from "./smoothing";
import { count, short } from "./wording";

interface TableProps {
  title: string;
  series: readonly PlotSeries[];
  x: XAxis;
  smoothing: Smoothing;
  zoom: Range | null;
  height: number;
}

const ROWS_MAX = 1000;

export function ChartTable({ title, series, x, smoothing, zoom, height }: TableProps) {
  const rows = series.flatMap((s) => {
    const smooth = smoothing.kind === "none" ? null : smoothed(s.value, smoothing);
    const [first, last] = indices(s.x, zoom);
    const points = s.x
      .slice(first, last)
      .map((at, i) => ({ s, at, text: short(s.value[first + i], 9), smooth: smooth?.[first + i] }));
    const nonfinite = new Map(s.marks.map((mark) => [mark.x, mark.value]));
    const placed = points.map((p) => (p.text === "–" ? { ...p, text: nonfinite.get(p.at) ?? "–" } : p));
    const alone = s.marks
      .filter((m) => !s.x.includes(m.x) && (!zoom || (m.x >= zoom.from && m.x <= zoom.to)))
      .map((m) => ({ s, at: m.x, text: m.value as string, smooth: null }));
    return [...placed, ...alone].sort((a, b) => a.at - b.at);
  });
  const many = series.length > 1;
  return (
    <section
      class="chart-table"
      style={{ height: `${height}px` }}
      aria-label={`${title} as a table`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            {many && <th scope="col">line</th>}
            <th scope="col">{x.label}</th>
            <th scope="col">value</th>
            {smoothing.kind !== "none" && <th scope="col">smoothed</th>}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_MAX).map((row, i) => (
            <tr key={`${keyOf(row.s)}${row.at}/${i}`}>
              {many && <td>{row.s.label}</td>}
              <td>{xText(x, row.at)}</td>
              <td>{row.text}</td>
              {smoothing.kind !== "none" && <td>{short(row.smooth, 9)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS_MAX && (
        <p>
          The first {count(ROWS_MAX)} of {count(rows.length)}; the CSV has all.
        </p>
      )}
    </section>
  );
}

/** What can be taken from a chart: CSV of what it shows, all points unsampled, a picture, a table. */

import type { Signal } from "@preact/signals";
import type { RefObject } from "preact";
import type { PlotSeries } from "./data";
import { fileName, legendOf, picture, save, seriesCsv } from "./exporting";
import { look } from "./look";
import type { XAxis } from "./options";
import type { Plot } from "./plot";
import type { Smoothing } from "./smoothing";

interface MenuProps {
  title: string;
  csvName?: string | undefined;
  series: readonly PlotSeries[];
  x: XAxis;
  smoothing: Smoothing;
  unsampled?: (() => Promise<void>) | undefined;
  plot: RefObject<Plot | null>;
  foot: string;
  asTable: Signal<boolean>;
}

export function ChartMenu(props: MenuProps) {
  const name = props.csvName ?? props.title;
  const png = async (): Promise<void> => {
    const canvas = props.plot.current?.canvas();
    if (!canvas) return;
    const { background, text, muted, font } = look.peek();
    const caption = {
      title: props.title,
      legend: legendOf(props.series),
      foot: props.foot,
      background,
      text,
      muted,
      font,
    };
    save(fileName(name, "png"), await picture(canvas, devicePixelRatio || 1, caption));
  };
  return (
    <>
      <button
        type="button"
        class="chart-tool"
        title="CSV of what is shown"
        aria-label={`CSV of ${props.title}`}
        onClick={() => save(fileName(name, "csv"), seriesCsv(props.series, props.x.label, props.smoothing))}
      >
        csv
      </button>
      {props.unsampled && (
        <button
          type="button"
          class="chart-tool"
          title="CSV of all points, unsampled"
          aria-label={`CSV of all points of ${props.title}, unsampled`}
          onClick={() => void props.unsampled?.()}
        >
          all csv
        </button>
      )}
      <button
        type="button"
        class="chart-tool"
        title="Picture"
        aria-label={`PNG of ${props.title}`}
        disabled={props.asTable.value}
        onClick={() => void png()}
      >
        png
      </button>
      <button
        type="button"
        class="chart-tool"
        title="The same as a table"
        aria-label={`${props.title} as a table`}
        aria-pressed={props.asTable.value}
        onClick={() => {
          props.asTable.value = !props.asTable.value;
        }}
      >
        table
      </button>
    </>
  );
}

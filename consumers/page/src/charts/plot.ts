/**
 * One uPlot in the page, kept alive: new points, colours, hover and zoom change it in place. It is made anew only when the
 * number of lines or the kind of an axis changes, which uPlot cannot change.
 */

import uPlot from "uplot";
import type { PlotSeries, Range } from "./data";
import { atCursor, drawBands, drawMarks, drawPoints, lineUnder, selected } from "./drawing";
import type { Look } from "./options";
import { type Layer, layers, plotData, plotOptions, RAW_BEHIND_ALPHA, ranges, type XAxis } from "./options";
import type { Smoothing } from "./smoothing";

export interface Shown {
  series: readonly PlotSeries[];
  axis: XAxis;
  xLog: boolean;
  yLog: boolean;
  smoothing: Smoothing;
  zoom: Range | null;
  yZoom: Range | null;
  /** Index of the series that is lit, or null for none. */
  lit: (series: readonly PlotSeries[]) => number[] | null;
  look: Look;
}

/** Where the cursor is, and what each layer has there. */
export interface AtCursor {
  x: number;
  /** Per layer its point's index, -1 for none near. */
  index: number[];
  layers: readonly Layer[];
  mark: string | null;
}

export interface Told {
  onCursor: (at: AtCursor | null) => void;
  /** The series under the pointer, or null. */
  onHover: (series: number | null) => void;
  onSelect: (x: Range | null, y: Range | null) => void;
}

const HOVER_PX = 28;
const DIMMED = 0.18;

export class Plot {
  private u: uPlot | null = null;
  private layers: Layer[] = [];
  private shape = "";
  private marks: { x: number; y: number; value: string }[] = [];
  private points: HTMLElement[] = [];
  private quiet = false;

  constructor(
    private readonly host: HTMLElement,
    private shown: Shown,
    private readonly told: Told,
    private width: number,
    private height: number,
  ) {
    this.update(shown);
  }

  /** Shows something else. Cheap enough for each hover. */
  update(shown: Shown): void {
    const before = this.shown;
    this.shown = shown;
    const { series, smoothing, xLog, yLog, axis } = shown;
    const dataSame =
      this.u !== null &&
      before.series === series &&
      before.smoothing === smoothing &&
      before.xLog === xLog &&
      before.yLog === yLog;
    if (!dataSame) this.layers = layers(series, smoothing, xLog, yLog);
    const shape = JSON.stringify([this.layers.map((layer) => layer.what), axis, xLog, yLog, shown.look.font]);
    if (this.u === null || shape !== this.shape) {
      this.shape = shape;
      this.make();
    } else if (!dataSame || before.zoom !== shown.zoom || before.yZoom !== shown.yZoom) {
      this.u.setData(plotData(this.layers), true);
    } else this.u.redraw(false, before.look !== shown.look);
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.u?.setSize({ width, height });
  }

  /** Moves the cursor to x without a pointer; null takes it away. Does not tell `onHover`. */
  cursor(x: number | null): void {
    if (this.u === null) return;
    this.quiet = true;
    const left = x === null ? -10 : this.u.valToPos(x, "x");
    this.u.setCursor({ left, top: x === null ? -10 : (this.u.over.clientHeight ?? 0) / 2 }, true);
    this.quiet = false;
  }

  canvas(): HTMLCanvasElement | null {
    return this.u?.ctx.canvas ?? null;
  }

  /** The range of x that is shown. */
  range(): Range | null {
    const x = this.u?.scales["x"];
    return x?.min === undefined || x.max === undefined || x.min === null || x.max === null
      ? null
      : { from: x.min, to: x.max };
  }

  destroy(): void {
    this.u?.destroy();
    this.u = null;
  }

  private make(): void {
    this.u?.destroy();
    this.points = [];
    const lit = (): number[] | null => this.shown.lit(this.shown.series);
    const strength = (series: number): number => {
      const which = lit();
      return which === null || which.includes(series) ? 1 : DIMMED;
    };
    const drawn = () => ({
      series: this.shown.series,
      layers: this.layers,
      strength,
      xLog: this.shown.xLog,
      yLog: this.shown.yLog,
    });
    const options = plotOptions({
      width: this.width,
      height: this.height,
      layers: this.layers,
      axis: this.shown.axis,
      xLog: this.shown.xLog,
      yLog: this.shown.yLog,
      look: () => this.shown.look,
      ranges: () => ranges(this.shown.series, this.shown.zoom, this.shown.yZoom, this.shown.xLog, this.shown.yLog),
      lineWidth: (layer) => (this.layers[layer]?.what === "smoothed" ? 1.8 : 1.5),
      stroke: (layer) => {
        const of = this.layers[layer];
        const s = of ? this.shown.series[of.series] : undefined;
        if (!of || !s) return "transparent";
        const behind = of.what === "raw" && this.shown.smoothing.kind !== "none";
        return faded(s.colour, strength(of.series) * (behind ? RAW_BEHIND_ALPHA : 1));
      },
      hooks: {
        drawAxes: [(u) => drawBands(u, drawn())],
        draw: [
          (u) => {
            drawPoints(u, drawn(), uPlot.pxRatio);
            this.marks = drawMarks(u, drawn(), uPlot.pxRatio);
          },
        ],
        setCursor: [(u) => this.follow(u)],
        setSelect: [
          (u) => {
            if (u.select.width <= 3 && u.select.height <= 3) return;
            const { x, y } = selected(u);
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            this.told.onSelect(x, y);
          },
        ],
      } as uPlot.Hooks.Arrays,
    });
    this.u = new uPlot(options, plotData(this.layers), this.host);
    this.u.over.addEventListener("dblclick", () => this.told.onSelect(null, null));
    this.u.over.addEventListener("mouseleave", () => {
      this.told.onHover(null);
      this.told.onCursor(null);
    });
  }

  private follow(u: uPlot): void {
    const { left, top } = u.cursor;
    if (left === undefined || left < 0 || top === undefined || top < 0) {
      for (const point of this.points) point.hidden = true;
      if (this.quiet) this.told.onCursor(null);
      return;
    }
    const x = u.posToVal(left, "x");
    const near = Math.abs(u.posToVal(left + HOVER_PX, "x") - x);
    const index = atCursor(this.layers, x, near);
    const mark = this.marks.find((m) => Math.abs(m.x - left) < 6 && Math.abs(m.y - top) < 10)?.value ?? null;
    this.dots(u, index);
    this.told.onCursor({ x, index, layers: this.layers, mark });
    if (!this.quiet) this.told.onHover(lineUnder(u, this.layers, index, top, HOVER_PX));
  }

  /** A dot on each line at the cursor, of the top layer of each series; at most 40 of them. */
  private dots(u: uPlot, index: readonly number[]): void {
    const smoothedToo = this.shown.smoothing.kind !== "none";
    let used = 0;
    this.layers.forEach((layer, i) => {
      if (used >= 40 || (smoothedToo && layer.what === "raw")) return;
      const at = index[i] ?? -1;
      const value = at >= 0 ? layer.value[at] : null;
      if (value === null || value === undefined) return;
      let dot = this.points[used];
      if (dot === undefined) {
        dot = document.createElement("span");
        dot.className = "chart-dot";
        u.over.append(dot);
        this.points.push(dot);
      }
      used += 1;
      dot.hidden = false;
      dot.style.left = `${u.valToPos(layer.x[at] as number, "x")}px`;
      dot.style.top = `${u.valToPos(value, "y")}px`;
      dot.style.background = this.shown.series[layer.series]?.colour ?? "currentColor";
    });
    for (const left of this.points.slice(used)) left.hidden = true;
  }
}

/** A colour with some of its strength, for any CSS colour. */
function faded(colour: string, strength: number): string {
  return strength >= 1 ? colour : `color-mix(in srgb, ${colour} ${Math.round(strength * 100)}%, transparent)`;
}

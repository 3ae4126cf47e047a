/** The frame of a small figure: title, CSV, PNG, what it says of itself; and axes for what is drawn inside. */

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { csv, fileName, save } from "../../../charts/exporting";
import { short } from "../../../charts/wording";
import { type Scale, saveSvg } from "./figure";

interface FigureProps {
  title: string;
  name: string;
  csv: { head: readonly string[]; rows: readonly (readonly unknown[])[] };
  foot?: ComponentChildren;
  width: number;
  height: number;
  label: string;
  legend?: ComponentChildren;
  children: ComponentChildren;
}

export function Figure(props: FigureProps) {
  const svg = useRef<SVGSVGElement>(null);
  return (
    <figure class="figure">
      <figcaption class="chart-head">
        <span class="chart-title">{props.title}</span>
        <span class="chart-tools">
          <button
            type="button"
            class="chart-tool"
            aria-label={`CSV of ${props.title}`}
            onClick={() => save(fileName(props.name, "csv"), csv(props.csv.head, props.csv.rows))}
          >
            csv
          </button>
          <button
            type="button"
            class="chart-tool"
            aria-label={`PNG of ${props.title}`}
            onClick={() => svg.current && void saveSvg(svg.current, fileName(props.name, "png"))}
          >
            png
          </button>
        </span>
      </figcaption>
      <svg
        ref={svg}
        class="figure-plot"
        width={props.width}
        height={props.height}
        viewBox={`0 0 ${props.width} ${props.height}`}
        role="img"
        aria-label={props.label}
      >
        {props.children}
      </svg>
      {props.legend}
      {props.foot && <p class="chart-foot">{props.foot}</p>}
    </figure>
  );
}

interface AxesProps {
  x: Scale;
  y: Scale;
  box: { left: number; top: number; right: number; bottom: number };
  xLabel: string;
  yLabel: string;
}

export function Axes({ x, y, box, xLabel, yLabel }: AxesProps) {
  return (
    <g class="axes">
      {x.ticks.map((tick) => (
        <g key={tick}>
          <line class="grid" x1={x.at(tick)} x2={x.at(tick)} y1={box.top} y2={box.bottom} />
          <text x={x.at(tick)} y={box.bottom + 14} text-anchor="middle">
            {short(tick, 4)}
          </text>
        </g>
      ))}
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line class="grid" x1={box.left} x2={box.right} y1={y.at(tick)} y2={y.at(tick)} />
          <text x={box.left - 5} y={y.at(tick) + 4} text-anchor="end">
            {short(tick, 4)}
          </text>
        </g>
      ))}
      <text x={(box.left + box.right) / 2} y={box.bottom + 29} text-anchor="middle">
        {xLabel}
      </text>
      <text
        x={12}
        y={(box.top + box.bottom) / 2}
        text-anchor="middle"
        transform={`rotate(-90 12 ${(box.top + box.bottom) / 2})`}
      >
        {yLabel}
      </text>
    </g>
  );
}

/** Lines, dots and words of a small drawing: on screen as SVG, in a picture as canvas, from the same list. */

import { save } from "../../charts/exporting";
import type { Look } from "../../charts/options";

export type Shape =
  | {
      kind: "line";
      points: readonly (readonly [number, number])[];
      colour: string;
      width: number;
      faint?: boolean;
      run_id?: string;
    }
  | { kind: "dot"; x: number; y: number; r: number; colour: string; faint?: boolean; run_id?: string; title?: string }
  | {
      kind: "text";
      x: number;
      y: number;
      text: string;
      colour: string;
      anchor: "start" | "middle" | "end";
      strong?: boolean;
    };

const FONT = '11px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif';
const FAINT = 0.13;

export function Shapes({
  shapes,
  lit,
  onHover,
  onOpen,
}: {
  shapes: readonly Shape[];
  lit: string | null;
  onHover: (run_id: string | null) => void;
  onOpen: (run_id: string) => void;
}) {
  return (
    <g>
      {shapes.map((shape, at) => {
        const run_id = shape.kind === "text" ? undefined : shape.run_id;
        const hears =
          run_id === undefined
            ? {}
            : { onMouseEnter: () => onHover(run_id), onMouseLeave: () => onHover(null), onClick: () => onOpen(run_id) };
        const dim = shape.kind !== "text" && (shape.faint || (lit !== null && run_id !== undefined && lit !== run_id));
        const opacity = dim ? FAINT : 1;
        const key = `${shape.kind} ${at}`;
        if (shape.kind === "line") {
          const more = run_id !== undefined && lit === run_id ? 1.5 : 0;
          return (
            <path
              key={key}
              d={shape.points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("")}
              fill="none"
              stroke={shape.colour}
              stroke-width={shape.width + more}
              opacity={opacity}
              {...hears}
            />
          );
        }
        if (shape.kind === "dot") {
          return (
            <circle
              key={key}
              cx={shape.x}
              cy={shape.y}
              r={lit !== null && lit === run_id ? shape.r + 2 : shape.r}
              fill={shape.colour}
              opacity={opacity}
              {...hears}
            >
              {shape.title === undefined ? null : <title>{shape.title}</title>}
            </circle>
          );
        }
        return (
          <text
            key={key}
            x={shape.x}
            y={shape.y}
            fill={shape.colour}
            text-anchor={shape.anchor}
            font-weight={shape.strong ? 600 : 400}
            font-size="11"
          >
            {shape.text}
          </text>
        );
      })}
    </g>
  );
}

/** Saves the drawing as PNG, at twice its size. */
export function savePicture(name: string, shapes: readonly Shape[], width: number, height: number, look: Look): void {
  const canvas = document.createElement("canvas");
  canvas.width = width * 2;
  canvas.height = height * 2;
  const to = canvas.getContext("2d");
  if (to === null) return;
  to.scale(2, 2);
  to.fillStyle = look.background;
  to.fillRect(0, 0, width, height);
  to.font = FONT;
  for (const shape of shapes) paint(to, shape);
  canvas.toBlob((blob) => {
    if (blob !== null) save(`${name}.png`, blob, "image/png");
  });
}

function paint(to: CanvasRenderingContext2D, shape: Shape): void {
  to.globalAlpha = shape.kind !== "text" && shape.faint ? FAINT : 1;
  if (shape.kind === "text") {
    to.fillStyle = shape.colour;
    to.textAlign = shape.anchor === "middle" ? "center" : shape.anchor;
    to.fillText(shape.text, shape.x, shape.y);
    return;
  }
  to.beginPath();
  if (shape.kind === "dot") {
    to.fillStyle = shape.colour;
    to.arc(shape.x, shape.y, shape.r, 0, 2 * Math.PI);
    to.fill();
    return;
  }
  to.strokeStyle = shape.colour;
  to.lineWidth = shape.width;
  shape.points.forEach(([x, y], at) => {
    if (at === 0) to.moveTo(x, y);
    else to.lineTo(x, y);
  });
  to.stroke();
}

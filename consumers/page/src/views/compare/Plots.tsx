/** Scatter of two refs, and parallel coordinates of several, over the compared runs. */

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { FoundRun } from "../../api";
import { look } from "../../charts/look";
import { count, short } from "../../charts/wording";
import { Button } from "../../parts";
import { colourOf } from "../../runs/colours";
import { labelOf } from "../../runs/refs";
import { go, to } from "../../url";
import { type Brushes, MARGIN, parallel, scatter } from "./drawing";
import { RefPicker } from "./RefPicker";
import { Shapes, savePicture } from "./shapes";

const HEIGHT = 460;
const KEY_STEP = 0.05;
const PADDING = 30;

interface Props {
  readonly workspace: string;
  readonly runs: readonly FoundRun[];
  readonly refs: readonly string[];
  readonly lit: Signal<string | null>;
  readonly onRefs: (refs: readonly string[]) => void;
}

export function Scatter({ workspace, runs, refs, lit, onRefs }: Props) {
  const [box, width] = useWidth();
  const [x = "created", y = "duration_s"] = refs;
  const drawn = scatter(runs, [x, y], [width, HEIGHT], look.value, colourOf);
  return (
    <>
      <div class="bar">
        <RefPicker workspace={workspace} label="x" value={x} onChange={(ref) => onRefs([ref, y])} />
        <RefPicker workspace={workspace} label="y" value={y} onChange={(ref) => onRefs([x, ref])} />
        <p role="status">
          {count(drawn.n)} of {count(runs.length)} runs have both
        </p>
        <span class="fill" />
        <Button small onClick={() => savePicture("scatter", drawn.shapes, width, HEIGHT, look.peek())}>
          PNG
        </Button>
      </div>
      <div ref={box} class="plot">
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`${labelOf(y)} against ${labelOf(x)}: ${drawn.n} of ${runs.length} runs`}
        >
          <Shapes
            shapes={drawn.shapes}
            lit={lit.value}
            onHover={(run_id) => {
              lit.value = run_id;
            }}
            onOpen={(run_id) => go(to("run", {}, run_id))}
          />
        </svg>
      </div>
    </>
  );
}

export function ParallelCoordinates({
  workspace,
  runs,
  refs,
  lit,
  brushes,
  onRefs,
  onBrushes,
  onKeep,
}: Props & { brushes: Brushes; onBrushes: (brushes: Brushes) => void; onKeep: (run_ids: readonly string[]) => void }) {
  const [box, width] = useWidth();
  const added = useSignal("");
  const drawn = parallel(runs, refs, brushes, [width, HEIGHT], look.value, colourOf);
  const brushed = Object.keys(brushes).length > 0;
  const brush = (ref: string, range: readonly [number, number] | null) => {
    const { [ref]: _, ...others } = brushes;
    onBrushes(range === null ? others : { ...others, [ref]: range });
  };
  return (
    <>
      <div class="bar">
        <p role="status">
          {count(drawn.kept.length)} of {count(runs.length)} runs {brushed ? "in all ranges" : "drawn"}
        </p>
        {brushed ? (
          <>
            <Button small onClick={() => onKeep(drawn.kept)} disabled={drawn.kept.length === 0}>
              Keep these
            </Button>
            <Button small kind="quiet" onClick={() => onBrushes({})}>
              Clear ranges
            </Button>
          </>
        ) : (
          <span class="hint">Drag along an axis to choose a range; by keys: ↑ ↓ move it, + − size it.</span>
        )}
        <span class="fill" />
        <RefPicker
          workspace={workspace}
          label="add axis"
          value={added.value}
          onChange={(ref) => {
            if (!refs.includes(ref)) onRefs([...refs, ref]);
            added.value = "";
          }}
        />
        <Button small onClick={() => savePicture("parallel-coordinates", drawn.shapes, width, HEIGHT, look.peek())}>
          PNG
        </Button>
      </div>
      <div ref={box} class="plot">
        <svg
          width={width}
          height={HEIGHT}
          role="group"
          aria-label={`Parallel coordinates of ${refs.map(labelOf).join(", ")}`}
        >
          <Shapes
            shapes={drawn.shapes}
            lit={lit.value}
            onHover={(run_id) => {
              lit.value = run_id;
            }}
            onOpen={(run_id) => go(to("run", {}, run_id))}
          />
          {drawn.axes.map(({ scale, x }) => (
            <BrushAxis
              key={scale.ref}
              x={x}
              label={labelOf(scale.ref)}
              told={(at) => (scale.numeric ? short(scale.value(at), 4) : at.toFixed(2))}
              range={brushes[scale.ref]}
              onRange={(range) => brush(scale.ref, range)}
            />
          ))}
        </svg>
        <ul class="axes" aria-label="Axes">
          {refs.map((ref) => (
            <li key={ref}>
              {labelOf(ref)}
              <Button
                kind="quiet"
                small
                label={`Remove the axis ${labelOf(ref)}`}
                onClick={() => {
                  brush(ref, null);
                  onRefs(refs.filter((one) => one !== ref));
                }}
              >
                ×
              </Button>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}

function BrushAxis({
  x,
  label,
  told,
  range,
  onRange,
}: {
  x: number;
  label: string;
  told: (at: number) => string;
  range: readonly [number, number] | undefined;
  onRange: (range: readonly [number, number] | null) => void;
}) {
  const from = useRef<number | null>(null);
  const top = MARGIN.top;
  const length = HEIGHT - MARGIN.top - MARGIN.bottom;
  const placeOf = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGGraphicsElement).ownerSVGElement?.getBoundingClientRect();
    const y = event.clientY - (box?.top ?? 0);
    return Math.min(1, Math.max(0, 1 - (y - top) / length));
  };
  const keys = (event: KeyboardEvent) => {
    const [low, high] = range ?? [0.25, 0.75];
    const moves: Record<string, readonly [number, number]> = {
      ArrowUp: [low + KEY_STEP, high + KEY_STEP],
      ArrowDown: [low - KEY_STEP, high - KEY_STEP],
      "+": [low - KEY_STEP, high + KEY_STEP],
      "-": [low + KEY_STEP, high - KEY_STEP],
    };
    const next = moves[event.key];
    if (event.key === "Escape" || event.key === "Delete") onRange(null);
    else if (next !== undefined) {
      const [a, b] = [Math.max(0, next[0]), Math.min(1, next[1])];
      if (b > a) onRange([a, b]);
    } else return;
    event.preventDefault();
  };
  const text = range === undefined ? "all" : `${told(range[0])} to ${told(range[1])}`;
  return (
    <g
      class="axis"
      role="slider"
      tabindex={0} // as SVG spells it
      aria-label={`Range of ${label}`}
      aria-valuemin={0}
      aria-valuemax={1}
      aria-valuenow={range?.[0] ?? 0}
      aria-valuetext={text}
      onKeyDown={keys}
    >
      <rect
        x={x - 9}
        y={top - 6}
        width={18}
        height={length + 12}
        fill="transparent"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          from.current = placeOf(event);
        }}
        onPointerMove={(event) => {
          if (from.current === null) return;
          const here = placeOf(event);
          if (Math.abs(here - from.current) > 0.01)
            onRange([Math.min(from.current, here), Math.max(from.current, here)]);
        }}
        onPointerUp={(event) => {
          if (from.current !== null && Math.abs(placeOf(event) - from.current) <= 0.01) onRange(null);
          from.current = null;
        }}
      />
      {range === undefined ? null : (
        <rect
          class="brush"
          x={x - 7}
          y={top + (1 - range[1]) * length}
          width={14}
          height={Math.max(2, (range[1] - range[0]) * length)}
        />
      )}
    </g>
  );
}

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(900);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      width.value = Math.max(320, element.clientWidth - PADDING);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [width]);
  return [box, width.value] as const;
}

/** How the charts are shown. Each control is a parameter of the address. */

import type { Smoothing } from "../../../charts/smoothing";
import { Choice, Field } from "../../../parts";
import type { Choices, Ranks, XChoice } from "./choices";
import { ORDERS, type Order, type PanelSpec, pathOf } from "./panels";

interface ControlsProps {
  choices: Choices;
  set: (some: Partial<Choices>, replace?: boolean) => void;
  ranks: Ranks;
  ranksHere: readonly number[];
  panels: readonly PanelSpec[];
  tableColumns: number;
  error: string | null;
  told: string;
}

export function Controls({ choices, set, ranks, ranksHere, panels, tableColumns, error, told }: ControlsProps) {
  const { smoothing, x } = choices;
  return (
    <div class="controls" role="toolbar" aria-label="How charts are shown">
      <div class="control-search">
        <Field
          label="Search charts (regular expression)"
          hidesLabel
          type="search"
          placeholder="Search charts: ^val/|loss"
          value={choices.q}
          onInput={(q) => set({ q }, true)}
          hint={error}
        />
      </div>
      <span class="controls-told" role="status">
        {told}
      </span>
      <Choice
        label="x"
        value={x.kind === "metric" ? `metric:${x.ref}` : x.kind}
        options={[
          ["step", "step"],
          ["relative", "since the start"],
          ["time", "wall clock"],
          ["ordinal", "order of logging"],
          ...panels
            .filter((panel) => panel.summary.column === null)
            .slice(0, 500)
            .map((panel) => [`metric:${panel.ref}`, pathOf(panel)] as const),
        ]}
        onChange={(chosen) => set({ x: xOf(chosen) })}
      />
      <SmoothingControl smoothing={smoothing} set={(by) => set({ smoothing: by }, true)} />
      <fieldset class="control-log">
        <legend class="unseen">Log axes</legend>
        log
        <label>
          <input
            type="checkbox"
            checked={choices.xLog}
            onChange={(event) => set({ xLog: event.currentTarget.checked })}
          />
          x
        </label>
        <label>
          <input
            type="checkbox"
            checked={choices.yLog}
            onChange={(event) => set({ yLog: event.currentTarget.checked })}
          />
          y
        </label>
      </fieldset>
      {ranksHere.length > 1 && (
        <Choice
          label="Ranks"
          value={String(ranks)}
          options={[
            ["band", "mean and band"],
            ["each", `each of ${ranksHere.length}`],
            ...ranksHere.slice(0, 300).map((rank) => [String(rank), `rank ${rank}`] as const),
          ]}
          onChange={(chosen) => set({ ranks: chosen === "band" || chosen === "each" ? chosen : Number(chosen) })}
        />
      )}
      <Choice
        label="Order"
        hidesLabel
        value={choices.order}
        options={ORDERS}
        onChange={(order) => set({ order: order as Order })}
      />
      <Choice
        label="Columns"
        hidesLabel
        value={String(choices.columns)}
        options={[
          ["0", "columns that fit"],
          ...[1, 2, 3, 4, 5, 6].map((n) => [String(n), n === 1 ? "1 column" : `${n} columns`] as const),
        ]}
        onChange={(columns) => set({ columns: Number(columns) })}
      />
      <label class="control-check">
        <input
          type="checkbox"
          checked={!choices.alone}
          onChange={(event) => set({ alone: !event.currentTarget.checked, zoom: null })}
        />
        zoom together
      </label>
      {tableColumns > 0 && (
        <label class="control-check">
          <input
            type="checkbox"
            checked={choices.rows}
            onChange={(event) => set({ rows: event.currentTarget.checked })}
          />
          table columns
        </label>
      )}
    </div>
  );
}

function SmoothingControl({ smoothing, set }: { smoothing: Smoothing; set: (by: Smoothing) => void }) {
  const kinds = [
    ["none", "not smoothed"],
    ["ema", "exponential"],
    ["mean", "running mean"],
  ] as const;
  return (
    <div class="control-smoothing">
      <Choice
        label="Smoothing"
        hidesLabel
        value={smoothing.kind}
        options={kinds}
        onChange={(kind) =>
          set(kind === "ema" ? { kind, weight: 0.9 } : kind === "mean" ? { kind, window: 21 } : { kind: "none" })
        }
      />
      {smoothing.kind === "ema" && (
        <label class="control-range">
          <span class="unseen">Weight of the past</span>
          <input
            type="range"
            min={0}
            max={1}
            step={0.001}
            value={fromWeight(smoothing.weight)}
            aria-valuetext={String(smoothing.weight)}
            onInput={(event) => set({ kind: "ema", weight: toWeight(Number(event.currentTarget.value)) })}
          />
          {smoothing.weight}
        </label>
      )}
      {smoothing.kind === "mean" && (
        <label class="control-range">
          <span class="unseen">Points of the window</span>
          <input
            type="range"
            min={3}
            max={501}
            step={2}
            value={smoothing.window}
            aria-valuetext={`${smoothing.window} points`}
            onInput={(event) => set({ kind: "mean", window: Number(event.currentTarget.value) })}
          />
          {smoothing.window}
        </label>
      )}
    </div>
  );
}

// Most of what one wants lies near 1: the slider is even in the number of points that are averaged.
function toWeight(place: number): number {
  return Number((1 - 1000 ** -place).toFixed(3)) || 0.001;
}

function fromWeight(weight: number): number {
  return Math.min(1, -Math.log(1 - weight) / Math.log(1000));
}

function xOf(text: string): XChoice {
  if (text.startsWith("metric:")) return { kind: "metric", ref: text.slice("metric:".length) };
  return { kind: text as "step" };
}

/** Whether all that was said has arrived, with what is missing, what is declared lost, and the watermark. */

import { count } from "../../charts/wording";
import { Menu } from "../../parts";
import { change } from "../../url";
import type { LaneRanges } from "./api";
import { useRun } from "./state";

const WORDS = {
  complete: ["complete", "good", "All that its writers said has arrived."],
  complete_with_declared_loss: [
    "complete, with declared loss",
    "warn",
    "All has arrived but what its writers themselves declared lost.",
  ],
  open: ["open", "live", "Some writer is still speaking, or what it said has not all arrived."],
} as const;

export function CompleteBadge() {
  const { run } = useRun();
  const [word, tone, meaning] = WORDS[run.complete] ?? [run.complete, "neutral", ""];
  const missing = total(run.missing);
  return (
    <Menu
      label="Completeness"
      kind="quiet"
      button={
        <span class={`badge ${missing > 0 && run.complete === "open" ? "warn" : tone}`}>
          {word}
          {missing > 0 && `: ${count(missing)} missing`}
        </span>
      }
    >
      {(close) => (
        <div class="stack run-complete">
          <p>{meaning}</p>
          <Ranges name="Missing" of={run.missing} />
          <Ranges name="Declared lost" of={run.declared} />
          <p class="hint">
            Watermark of what is shown
            <br />
            <code class="watermark">{run.watermark}</code>
          </p>
          <button
            type="button"
            class="button small"
            onClick={() => {
              close();
              change({ tab: "completeness" });
            }}
          >
            Per writer
          </button>
        </div>
      )}
    </Menu>
  );
}

function Ranges({ name, of }: { name: string; of: readonly LaneRanges[] }) {
  if (of.length === 0) return null;
  return (
    <div>
      <b>
        {name}: {count(total(of))}
      </b>
      <ul class="plain">
        {of.slice(0, 20).map((lane) => (
          <li key={lane.stream + lane.writer_id}>
            <code>{lane.stream}</code> of writer <code>{lane.writer_id.slice(0, 8)}</code>: ordinals{" "}
            {lane.ranges
              .slice(0, 6)
              .map(([first, last]) => (first === last ? count(first) : `${count(first)}–${count(last)}`))
              .join(", ")}
            {lane.ranges.length > 6 && ` and ${lane.ranges.length - 6} ranges more`}
          </li>
        ))}
      </ul>
      {of.length > 20 && <p class="hint">and {of.length - 20} lanes more</p>}
    </div>
  );
}

function total(of: readonly LaneRanges[]): number {
  return of.reduce((sum, lane) => sum + lane.ranges.reduce((inner, [first, last]) => inner + last - first + 1, 0), 0);
}

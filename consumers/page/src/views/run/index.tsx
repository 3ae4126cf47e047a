/** A run: its head, its tabs, and the moment as of which all of it is told. */

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { changesOf, holds } from "../../api";
import { Tabs } from "../../parts";
import { change, type Place, parameter, place } from "../../url";
import { AsOf } from "./AsOf";
import { run as askRun, type Run, runAhead, summariesAhead } from "./api";
import { useAsked } from "./asking";
import { ChildrenTab } from "./ChildrenTab";
import { CodeTab } from "./CodeTab";
import { CompletenessTab } from "./CompletenessTab";
import { ChartsTab } from "./charts/ChartsTab";
import { EventsTab } from "./events/EventsTab";
import { FilesTab } from "./files/FilesTab";
import { ImagesTab } from "./files/ImagesTab";
import { Head } from "./Head";
import { LogsTab } from "./logs/LogsTab";
import { PropertiesTab } from "./PropertiesTab";
import "./run.css";
import { KINDS, makeTicks, RunContext } from "./state";
import { TablesTab } from "./tables/TablesTab";

const TABS: readonly (readonly [string, string, ComponentType])[] = [
  ["charts", "Charts", ChartsTab],
  ["tables", "Tables", TablesTab],
  ["images", "Images", ImagesTab],
  ["files", "Files", FilesTab],
  ["logs", "Logs", LogsTab],
  ["children", "Children", ChildrenTab],
  ["properties", "Tags & properties", PropertiesTab],
  ["events", "Events", EventsTab],
  ["completeness", "Completeness", CompletenessTab],
  ["code", "Code & environment", CodeTab],
];

/** Asks for what is seen first, while the session is asked for. */
export function ahead(at: Place): void {
  const one = (name: string) => at.parameters[name]?.[0] ?? "";
  const of = { workspace: at.workspace, run_id: at.run, as_of: one("as_of") };
  runAhead(of);
  if (["", "charts"].includes(one("tab"))) summariesAhead(of);
}

export default function RunView() {
  const { workspace, run } = place.value;
  return <OneRun key={`${workspace} ${run}`} workspace={workspace} run_id={run} />;
}

function OneRun({ workspace, run_id }: { workspace: string; run_id: string }) {
  const as_of = parameter("as_of");
  const ticks = useMemo(makeTicks, []);
  const lit = useSignal<string | null>(null);
  const of = useMemo(() => ({ workspace, run_id, as_of }), [workspace, run_id, as_of]);
  useMemo(() => {
    if (["", "charts"].includes(parameter("tab"))) summariesAhead(of);
  }, []);
  useEffect(() => {
    if (as_of !== "") return undefined;
    return changesOf(workspace, (changes) => {
      const kinds = changes.reset ? KINDS : (changes.runs[run_id] ?? []);
      for (const kind of KINDS) if (kinds.includes(kind)) ticks[kind].value += 1;
    });
  }, [workspace, run_id, as_of, ticks]);
  const tick = KINDS.reduce((sum, kind) => (kind === "points" || kind === "logs" ? sum : sum + ticks[kind].value), 0);
  const asked = useAsked<Run>(JSON.stringify(of), tick, (aborted) => askRun(of, { signal: aborted }));
  const last = useSignal<Run | null>(null);
  const { data, error } = asked.value;
  if (data !== null && last.peek() !== data) last.value = data;
  const shown = data ?? last.peek();
  useEffect(() => {
    if (shown) document.title = `${shown.display_name ?? shown.run_id} · Runfold`;
  }, [shown]);

  if (shown === null)
    return error ? (
      <div class="empty" role="alert">
        <h1>This run cannot be shown</h1>
        <p>{error}</p>
      </div>
    ) : (
      <p class="waiting" aria-busy="true">
        …
      </p>
    );
  const current = TABS.find(([id]) => id === parameter("tab"))?.[0] ?? "charts";
  const Shown = TABS.find(([id]) => id === current)?.[2] ?? ChartsTab;
  const mayWrite = as_of === "" && holds(workspace, "write");
  return (
    <RunContext.Provider value={{ of, run: shown, ticks, lit, mayWrite }}>
      <div class="run" data-as-of={as_of === "" ? undefined : as_of}>
        <Head stale={error} />
        <AsOf />
        <Tabs
          label="Parts of the run"
          tabs={TABS.map(([id, label]) => ({ id, label }))}
          current={current}
          onChange={(id) => change({ tab: id === "charts" ? null : id })}
        >
          <Shown key={current} />
        </Tabs>
      </div>
    </RunContext.Provider>
  );
}

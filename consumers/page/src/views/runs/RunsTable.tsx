/** The table of runs: eye and colour, name, and whatever columns were chosen. */

import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { FoundRun } from "../../api";
import { Sparkline } from "../../charts/Sparkline";
import { Button, Status, Table, type TableColumn } from "../../parts";
import { colourOf, isShown, show } from "../../runs/colours";
import { labelOf } from "../../runs/refs";
import { ago, nameOf, numberOf, textOf, valueAt } from "../../runs/wording";
import { encode, go, to } from "../../url";
import { EyeIcon } from "./EyeIcon";
import type { Rows } from "./rows";
import type { Sparks } from "./sparks";
import type { Place, RunsState } from "./state";

interface Props {
  readonly rows: Rows;
  readonly sparks: Sparks;
  readonly columns: readonly string[];
  readonly state: RunsState;
  readonly lit: Signal<string | null>;
  readonly now: Signal<number>;
  readonly onSort: (ref: string, adds: boolean) => void;
  readonly onResize: (ref: string, width_px: number) => void;
  readonly onSelect: (run_id: string) => void;
  readonly onSeen: (first: number, last: number) => void;
}

const EYE = "eye";
const NUMERIC = new Set(["number", "attempt", "duration_s"]);

export function RunsTable(props: Props) {
  const { rows, sparks, columns, state, lit, now } = props;
  void rows.version.value;
  const selected = useMemo(() => new Set(state.selected), [state.selected]);
  const shown = useMemo(
    () => arranged(columns, state.pinned).map((ref): TableColumn<FoundRun> => columnOf(ref, state, sparks, now)),
    [columns, state, sparks, now],
  );
  const eye: TableColumn<FoundRun> = {
    id: EYE,
    label: "Shown in charts, and its colour",
    head: <EyeIcon open />,
    width_px: 58,
    pinned: true,
    cell: (run) => <Eye run={run} />,
  };
  const mark: TableColumn<FoundRun> = {
    id: "mark",
    label: "Selected",
    head: <span class="unseen">Selected</span>,
    width_px: 30,
    pinned: true,
    cell: (run) => (
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={`Select ${nameOf(run)}`}
        checked={selected.has(run.run_id)}
        onClick={() => props.onSelect(run.run_id)}
      />
    ),
  };
  return (
    <Table
      label="Runs"
      columns={[mark, eye, ...shown]}
      count={rows.count.value}
      rowAt={(at) => rows.at(at)}
      keyOf={(run) => run.run_id}
      isMarked={(run) => selected.has(run.run_id)}
      classOf={(run) => (lit.value === run.run_id ? "lit" : "")}
      onOpen={(run) => go(to("run", {}, run.run_id))}
      onMark={(run) => props.onSelect(run.run_id)}
      onHover={(run) => {
        lit.value = run?.run_id ?? null;
      }}
      onKey={(event, run) => {
        if (event.key === "e" && run !== undefined) show([run.run_id], !isShown(run.run_id));
      }}
      onSeen={props.onSeen}
      onSort={props.onSort}
      onResize={props.onResize}
    />
  );
}

/** The name and what is pinned come first. */
export function arranged(columns: readonly string[], pinned: readonly string[]): readonly string[] {
  const first = columns.filter((ref) => ref === "name" || pinned.includes(ref));
  return [...first, ...columns.filter((ref) => !first.includes(ref))];
}

function Eye({ run }: { run: FoundRun }) {
  const open = isShown(run.run_id);
  return (
    <>
      <Button
        kind="quiet"
        small
        tabIndex={-1}
        label={`${open ? "Hide" : "Show"} ${nameOf(run)} in charts`}
        pressed={open}
        onClick={(event) => {
          event.stopPropagation();
          show([run.run_id], !open);
        }}
      >
        <EyeIcon open={open} />
      </Button>
      <span class={`swatch${open ? "" : " shut"}`} style={{ background: colourOf(run.run_id) }} aria-hidden="true" />
    </>
  );
}

function columnOf(ref: string, state: RunsState, sparks: Sparks, now: Signal<number>): TableColumn<FoundRun> {
  const metric = ref.startsWith("metric.");
  return {
    id: ref,
    label: labelOf(ref),
    head: ref.startsWith("spark.") ? <span class="name">∿ {labelOf(ref)}</span> : undefined,
    width_px: state.widths[ref] ?? widthOf(ref),
    align: metric || NUMERIC.has(ref) ? "end" : undefined,
    pinned: ref === "name" || state.pinned.includes(ref),
    sorted: sortedAs(state.sort, ref),
    cell: (run) => <Cell run={run} of={ref} sparks={sparks} now={now} />,
  };
}

function Cell({ run, of: ref, sparks, now }: { run: FoundRun; of: string; sparks: Sparks; now: Signal<number> }) {
  if (ref.startsWith("spark.")) {
    const spark = sparks.of(run.run_id, ref).value;
    return spark === null ? null : (
      <Sparkline
        x={spark.x}
        value={spark.value}
        label={labelOf(ref)}
        colour={colourOf(run.run_id)}
        width={104}
        height={22}
      />
    );
  }
  if (ref === "name") {
    return (
      <>
        <a href={encode(to("run", {}, run.run_id))} tabIndex={-1} title={`${nameOf(run)}\n${run.run_id}`}>
          {nameOf(run)}
        </a>
        {run.children > 0 ? <span class="count-note">+{run.children}</span> : null}
      </>
    );
  }
  const value = valueAt(run, ref);
  if (ref === "status" && typeof value === "string") return <Status status={value} />;
  if (value === null) return <span class="none">–</span>;
  if (ref === "created" || ref === "started" || ref === "ended") {
    return <span title={textOf(ref, value)}>{ago(String(value), now.value)}</span>;
  }
  const number = ref.startsWith("metric.") ? numberOf(value) : null;
  const odd = number !== null && !Number.isFinite(number);
  return (
    <span class={odd ? "odd" : undefined} title={String(value)}>
      {textOf(ref, value)}
    </span>
  );
}

function widthOf(ref: string): number {
  if (ref === "name") return 200;
  if (ref.startsWith("spark.")) return 122;
  if (ref.startsWith("metric.")) return 92;
  return (
    { status: 128, experiment: 130, created: 104, duration_s: 112, run_id: 260, number: 64, attempt: 64 }[ref] ?? 130
  );
}

function sortedAs(sort: readonly Place[], ref: string): "ascending" | "descending" | undefined {
  const place = sort.find((one) => one.ref === ref);
  return place === undefined ? undefined : place.descending ? "descending" : "ascending";
}

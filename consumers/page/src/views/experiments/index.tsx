/** The experiments of a workspace, and what became of their runs. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
  below,
  changesOf,
  type Experiment,
  type Experiments,
  type Group,
  get,
  holds,
  searchGroups,
  send,
} from "../../api";
import { count } from "../../charts/wording";
import { Badge, Button, Field, say, Table, type TableColumn } from "../../parts";
import { quoted } from "../../runs/refs";
import { ago } from "../../runs/wording";
import { Failure } from "../../shell/Failure";
import { change, encode, go, workspace as here, parameter, to } from "../../url";
import { Statuses } from "../runs/Statuses";
import "../runs/runs.css";

const PAGE = 500;
const REFRESH_MS = 3_000;

export default function ExperimentsView() {
  const workspace = here.value;
  const all = useSignal<readonly Experiment[] | null>(null);
  const groups = useSignal<ReadonlyMap<string, Group>>(new Map());
  const error = useSignal<unknown>(null);
  const now = useSignal(Date.now());
  const wanted = parameter("name").toLowerCase();
  const archived = parameter("archived") === "shown";
  const load = useSignal(0);
  useEffect(() => {
    const abort = new AbortController();
    const options = { signal: abort.signal };
    let timer = 0;
    const ask = () => {
      timer = 0;
      Promise.all([
        experiments(workspace, options),
        searchGroups(workspace, { by: "experiment", limit: PAGE }, options),
      ])
        .then(([found, grouped]) => {
          all.value = found;
          groups.value = new Map(grouped.groups.map((group) => [String(group.value), group]));
          now.value = Date.now();
          error.value = null;
        })
        .catch((caught: unknown) => {
          if (!abort.signal.aborted) error.value = caught;
        });
    };
    ask();
    const end = changesOf(workspace, () => {
      if (timer === 0) timer = window.setTimeout(ask, REFRESH_MS);
    });
    return () => {
      end();
      clearTimeout(timer);
      abort.abort();
    };
  }, [workspace, load.value, all, groups, error, now, load]);
  if (error.value !== null && all.value === null) return <Failure error={error.value} />;
  const rows = (all.value ?? []).filter(
    (one) => (archived || !one.archived) && one.name.toLowerCase().includes(wanted),
  );
  const open = (name: string) => to("runs", { q: [`experiment = ${quoted(name)}`] });
  const columns: TableColumn<Experiment>[] = [
    {
      id: "name",
      label: "experiment",
      width_px: 260,
      pinned: true,
      cell: (one) => (
        <>
          <a href={encode(open(one.name))} tabIndex={-1} title={one.name}>
            {one.name}
          </a>
          {one.archived ? <Badge>archived</Badge> : null}
        </>
      ),
    },
    { id: "runs", label: "runs", width_px: 90, align: "end", cell: (one) => count(one.run_count) },
    {
      id: "statuses",
      label: "top-level runs by status",
      width_px: 240,
      cell: (one) => {
        const group = groups.value.get(one.name);
        return group === undefined ? <span class="none">–</span> : <Statuses statuses={group.statuses} />;
      },
    },
    {
      id: "created",
      label: "created",
      width_px: 120,
      cell: (one) => <span title={one.created_at}>{ago(one.created_at, now.value)}</span>,
    },
    {
      id: "description",
      label: "description",
      width_px: 300,
      cell: (one) => <span title={one.description ?? ""}>{one.description ?? ""}</span>,
    },
    {
      id: "tags",
      label: "tags",
      width_px: 260,
      cell: (one) =>
        Object.entries(one.tags).map(([key, value]) => <Badge key={key}>{value ? `${key}: ${value}` : key}</Badge>),
    },
    ...(holds(workspace, "write")
      ? [
          {
            id: "archive",
            label: "archive",
            width_px: 100,
            cell: (one: Experiment) => (
              <Button
                kind="quiet"
                small
                label={`${one.archived ? "Bring back" : "Archive"} ${one.name}`}
                onClick={() => {
                  void archive(workspace, one, () => {
                    load.value += 1;
                  });
                }}
              >
                {one.archived ? "bring back" : "archive"}
              </Button>
            ),
          },
        ]
      : []),
  ];
  return (
    <section class="experiments" aria-label="Experiments">
      <h1 class="unseen">Experiments of {workspace}</h1>
      <div class="toolbar">
        <Field
          label="Name contains"
          hidesLabel
          type="search"
          placeholder="Name contains"
          value={parameter("name")}
          onInput={(value) => change({ name: value || null }, { replace: true })}
        />
        <p class="told" role="status">
          {all.value === null ? "" : `${count(rows.length)} of ${count(all.value.length)} experiments`}
        </p>
        <Button pressed={archived} onClick={() => change({ archived: archived ? null : "shown" })}>
          Archived too
        </Button>
      </div>
      {all.value?.length === 0 ? (
        <div class="empty">
          <h2>No experiments yet</h2>
          <p>The first run of one makes it.</p>
        </div>
      ) : (
        <div class="left rest">
          <Table
            label="Experiments"
            columns={columns}
            count={rows.length}
            rowAt={(at) => rows[at]}
            keyOf={(one) => one.name}
            onOpen={(one) => go(open(one.name))}
          />
        </div>
      )}
    </section>
  );
}

async function experiments(workspace: string, options: { signal: AbortSignal }): Promise<readonly Experiment[]> {
  const all: Experiment[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: Experiments = await get(below(workspace, "experiments"), { view: "all", cursor, limit: PAGE }, options);
    all.push(...page.experiments.filter((one) => !one.deleted));
    cursor = page.next_cursor;
  }
  return all;
}

async function archive(workspace: string, one: Experiment, then: () => void): Promise<void> {
  try {
    await send("PATCH", below(workspace, "experiments", one.name), { archived: !one.archived });
    say(`${one.name} is ${one.archived ? "back" : "archived"}.`);
    then();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
  }
}

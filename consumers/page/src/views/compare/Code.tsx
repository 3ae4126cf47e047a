/** Which files of the runs' code differ, in which runs each stands as what, and two of them line by line. */

import { useMemo } from "preact/hooks";
import { csv, save } from "../../charts/exporting";
import { bytes, count } from "../../charts/wording";
import { contentOf, differencesOf, SNAPSHOTS_MAX } from "../../code/api";
import { textOf } from "../../code/text";
import { Badge, Button, Choice, Field, Table, type TableColumn } from "../../parts";
import { change, encode, parameter, to } from "../../url";
import { useAsked } from "../run/asking";
import { changeOf, type FileRow, pairOf, rowsOf, snapshotsOf, told, versionName } from "./code";
import { RunHead, titleOf } from "./Differences";
import type { Detail } from "./differences";

export function Code({ workspace, runs }: { workspace: string; runs: readonly Detail[] }) {
  const all = snapshotsOf(runs);
  const ids = all.slice(0, SNAPSHOTS_MAX);
  const without = runs.filter((run) => run.snapshot_id === null);
  const key = JSON.stringify([workspace, ids]);
  const { data, error } = useAsked(key, 0, async (signal) =>
    ids.length < 2 ? null : { found: await differencesOf(workspace, ids, { signal }) },
  ).value;
  const found = data?.found;
  const rows = useMemo(() => (found === undefined ? [] : rowsOf(runs, found)), [runs, found]);
  const q = parameter("code_q").toLowerCase();
  const shown = useMemo(() => rows.filter((row) => row.path.toLowerCase().includes(q)), [rows, q]);
  if (ids.length < 2) return <Alike runs={runs} without={without} />;
  if (error !== null) return <p class="error pad">{error}</p>;
  if (found === undefined) return <p class="waiting">…</p>;
  const chosen = rows.find((row) => row.path === parameter("file"));
  return (
    <>
      <div class="bar">
        <p role="status">
          {count(found.of)} of {count(found.paths)} files differ among {count(found.snapshots.length)} snapshots
          {found.n < found.of ? `; the first ${count(found.n)} are here` : ""}
        </p>
        <Field
          label="Search the files that differ"
          hidesLabel
          type="search"
          placeholder="Search files"
          value={parameter("code_q")}
          onInput={(text) => change({ code_q: text }, { replace: true })}
        />
        <span class="fill" />
        <Button small disabled={rows.length === 0} onClick={() => saveCsv(runs, rows, found.snapshots.length)}>
          CSV
        </Button>
      </div>
      <Unknown runs={runs} without={without} left={found.left} more={all.length - ids.length} />
      {rows.length === 0 ? (
        <div class="empty">
          <h2>{found.snapshots.length < 2 ? "Nothing to compare" : "No file differs"}</h2>
          <p>
            {found.snapshots.length < 2
              ? "Fewer than two of these snapshots could be read."
              : "All files of these snapshots have the same size, CRC-32 and mode."}
          </p>
        </div>
      ) : (
        <div class={chosen === undefined ? "rest" : "rest code-split"}>
          <Table
            label="Files that differ"
            columns={columnsOf(runs, found.snapshots.length)}
            count={shown.length}
            rowAt={(at) => shown[at]}
            keyOf={(row) => row.path}
            classOf={(row) => (row === chosen ? "marked" : "")}
            onOpen={(row) => change({ file: row.path })}
          />
          {chosen === undefined ? null : <OneFile key={chosen.path} workspace={workspace} runs={runs} row={chosen} />}
        </div>
      )}
    </>
  );
}

function columnsOf(runs: readonly Detail[], snapshots: number): readonly TableColumn<FileRow>[] {
  return [
    {
      id: "path",
      label: "file",
      width_px: 300,
      pinned: true,
      cell: (row) => (
        <button
          type="button"
          class="link"
          tabIndex={-1}
          title={`${row.path}: line by line`}
          onClick={() => change({ file: row.path })}
        >
          {row.path}
        </button>
      ),
    },
    { id: "change", label: "change", width_px: snapshots === 2 ? 90 : 190, cell: (row) => changeOf(row, snapshots) },
    ...runs.map(
      (run, at): TableColumn<FileRow> => ({
        id: run.run_id,
        label: titleOf(run),
        head: <RunHead run={run} />,
        width_px: 140,
        cell: (row) => <Version row={row} at={at} />,
      }),
    ),
  ];
}

function Version({ row, at }: { row: FileRow; at: number }) {
  const which = row.which[at];
  if (which === undefined) return <span class="none">not known</span>;
  if (which === null) return <span class="none">–</span>;
  const content = row.contents[which];
  return content === undefined ? null : (
    <span title={told(content)}>
      <Badge>{versionName(which)}</Badge> {bytes(content.size)}
    </span>
  );
}

function saveCsv(runs: readonly Detail[], rows: readonly FileRow[], snapshots: number): void {
  const cellOf = (row: FileRow, at: number) => {
    const which = row.which[at];
    const content = row.contents[which ?? -1];
    return content === undefined ? "" : `${versionName(which ?? 0)} (${told(content)})`;
  };
  save(
    "code.csv",
    csv(
      ["file", "change", ...runs.map((run) => run.run_id)],
      rows.map((row) => [row.path, changeOf(row, snapshots), ...runs.map((_, at) => cellOf(row, at))]),
    ),
  );
}

function Alike({ runs, without }: { runs: readonly Detail[]; without: readonly Detail[] }) {
  const one = runs.find((run) => run.snapshot_id !== null);
  if (one === undefined) {
    return (
      <div class="empty">
        <h2>No code was kept</h2>
        <p>
          None of these runs has a snapshot; <code>start_logging(snapshot_directory=…)</code> takes one.
        </p>
      </div>
    );
  }
  return (
    <div class="empty">
      <h2>The same code</h2>
      <p>
        {count(runs.length - without.length)} of {count(runs.length)} runs have a snapshot, all of them{" "}
        <code>{one.snapshot_id}</code>.
      </p>
      <a class="button" href={encode(to("run", { tab: ["code"] }, one.run_id))}>
        Its files
      </a>
    </div>
  );
}

function Unknown({
  runs,
  without,
  left,
  more,
}: {
  runs: readonly Detail[];
  without: readonly Detail[];
  left: readonly { readonly snapshot_id: string; readonly message: string }[];
  more: number;
}) {
  return (
    <>
      {without.length === 0 ? null : (
        <p class="code-note">No snapshot was kept of {without.map(titleOf).join(", ")}: what they ran is not known.</p>
      )}
      {left.map(({ snapshot_id, message }) => (
        <p key={snapshot_id} class="code-note error">
          {runs
            .filter((run) => run.snapshot_id === snapshot_id)
            .map(titleOf)
            .join(", ")}
          : {message}
        </p>
      ))}
      {more > 0 ? (
        <p class="code-note error">
          The first {SNAPSHOTS_MAX} of {count(SNAPSHOTS_MAX + more)} snapshots.
        </p>
      ) : null}
    </>
  );
}

function OneFile({ workspace, runs, row }: { workspace: string; runs: readonly Detail[]; row: FileRow }) {
  const pair = pairOf(runs, row, parameter("from"), parameter("to"));
  const all = parameter("context") === "all";
  const options = runs.flatMap((run, at): [string, string][] => {
    const which = row.which[at];
    if (which === undefined) return [];
    return [[run.run_id, `${titleOf(run)}, ${which === null ? "without it" : versionName(which)}`]];
  });
  return (
    <section class="code-file" aria-label={`Line by line: ${row.path}`}>
      <header class="bar">
        <h2>{row.path}</h2>
        {pair === null ? null : (
          <>
            <Choice
              label="from"
              value={runs[pair[0]]?.run_id ?? ""}
              options={options}
              onChange={(run_id) => change({ from: run_id, to: runs[pair[1]]?.run_id ?? null })}
            />
            <Choice
              label="to"
              value={runs[pair[1]]?.run_id ?? ""}
              options={options}
              onChange={(run_id) => change({ from: runs[pair[0]]?.run_id ?? null, to: run_id })}
            />
          </>
        )}
        <Button small pressed={all} onClick={() => change({ context: all ? null : "all" })}>
          all lines
        </Button>
        <span class="fill" />
        <Button kind="quiet" small label="Close the file" onClick={() => change({ file: null, from: null, to: null })}>
          ×
        </Button>
      </header>
      {pair === null ? null : (
        <Pair workspace={workspace} row={row} runs={[runs[pair[0]], runs[pair[1]]]} pair={pair} all={all} />
      )}
    </section>
  );
}

function Pair({
  workspace,
  row,
  runs,
  pair,
  all,
}: {
  workspace: string;
  row: FileRow;
  runs: readonly (Detail | undefined)[];
  pair: readonly [number, number];
  all: boolean;
}) {
  const [a = null, b = null] = pair.map((at) => row.which[at] ?? null);
  const sides = [a, b].map((which, at) => (which === null ? null : (runs[at]?.snapshot_id ?? null)));
  const asked = useAsked(JSON.stringify([workspace, row.path, sides]), 0, async (signal) => {
    const [{ LineDiff }, ...texts] = await Promise.all([
      import("../../code/LineDiff"),
      ...sides.map((id) => sideOf(workspace, id, row.path, signal)),
    ]);
    return { LineDiff, texts };
  }).value;
  if (asked.error !== null) return <p class="error pad">{asked.error}</p>;
  if (asked.data === null) {
    return (
      <p class="waiting" aria-busy="true">
        …
      </p>
    );
  }
  const { LineDiff, texts } = asked.data;
  const [before, after] = texts.map((side) => side.text);
  const same = a === b;
  return (
    <div class="code-lines">
      <p class="hint">
        {same ? "The same in both." : modeOf(row, a, b)} {texts.find((side) => side.why)?.why}
      </p>
      {before === undefined || after === undefined || (same && !all) ? null : (
        <LineDiff label={`Lines of ${row.path}`} before={before} after={after} all={all} />
      )}
    </div>
  );
}

/** The text of a file, or why it is not compared by lines. */
interface Side {
  readonly text?: string;
  readonly why?: string;
}

/** Of a snapshot; without one there is no file, and none of its lines. */
async function sideOf(workspace: string, id: string | null, path: string, signal: AbortSignal): Promise<Side> {
  if (id === null) return { text: "" };
  const answer = await contentOf(workspace, id, path, undefined, { signal });
  if (answer.status === 206) {
    const size = Number(answer.headers.get("Runfold-Size") ?? 0);
    return { why: `It has ${bytes(size)}; files of more than 4 MiB are not compared line by line.` };
  }
  const text = textOf(new Uint8Array(await answer.arrayBuffer()));
  return text === null ? { why: "Bytes that are no text are not compared line by line." } : { text };
}

/** What happened to the mode. */
function modeOf(row: FileRow, a: number | null, b: number | null): string {
  const [x, y] = [row.contents[a ?? -1], row.contents[b ?? -1]];
  if (x === undefined || y === undefined || x.executable === y.executable) return "";
  return y.executable ? "It became executable." : "It is no longer executable.";
}

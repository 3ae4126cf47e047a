/** Files of the run as a tree, with a preview beside it. */

import { useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { bytes, moment, nOfM } from "../../../charts/wording";
import { Button, Field, say } from "../../../parts";
import { change, parameter, parameters } from "../../../url";
import { type Artifact, artifacts, signed } from "../api";
import { useAsked, why } from "../asking";
import { type RunState, tickOf, useRun } from "../state";
import { Preview } from "./Preview";
import { Tree } from "./Tree";
import { treeOf } from "./tree";

export function FilesTab() {
  const state = useRun();
  const { of } = state;
  const asked = useAsked(JSON.stringify(of), tickOf(state, "artifacts", "facts"), (aborted) =>
    artifacts(of, { signal: aborted }),
  );
  const { data, error } = asked.value;
  const q = parameter("files_q").toLowerCase();
  const found = useMemo(() => (data ?? []).filter((file) => file.path.toLowerCase().includes(q)), [data, q]);
  const tree = useMemo(() => treeOf(found), [found]);
  const closed = useComputed(() => new Set(parameters("files_folded"))).value;
  if (data === null) return error === null ? <p class="waiting">…</p> : <p class="error pad">{error}</p>;
  if (data.length === 0)
    return (
      <div class="empty">
        <h2>No files</h2>
        <p>
          What <code>run.upload_file</code> stores, and what is written below <code>./outputs</code>, appears here.
        </p>
      </div>
    );
  const key = parameter("file");
  const chosen = data.find((file) => keyOf(file) === key) ?? null;
  const several = new Set(data.map((file) => file.attempt)).size > 1;
  const toggle = (path: string): void => {
    const next = closed.has(path) ? [...closed].filter((p) => p !== path) : [...closed, path];
    change({ files_folded: next }, { replace: true });
  };
  return (
    <div class="files-tab">
      <div class="files-list">
        <div class="controls">
          <Field
            label="Search files"
            hidesLabel
            type="search"
            placeholder="Search files"
            value={parameter("files_q")}
            onInput={(text) => change({ files_q: text }, { replace: true })}
          />
          <span class="muted" role="status">
            {nOfM(found.length, data.length, "files")}, {bytes(tree.size)}
          </span>
        </div>
        <Tree
          folder={tree}
          isClosed={(path) => closed.has(path)}
          onToggle={toggle}
          isChosen={(file) => file === chosen}
          onChoose={(file) => change({ file: keyOf(file) }, { replace: true })}
          keyOf={keyOf}
          noteOf={(file) => (
            <>
              {several && <span class="muted">attempt {file.attempt}</span>}
              {file.availability !== "available" && (
                <span class={`badge ${file.availability === "pending" ? "neutral" : "bad"}`}>{file.availability}</span>
              )}
            </>
          )}
        />
      </div>
      <div class="files-preview">
        {chosen === null ? (
          <p class="waiting">Choose a file to look at it.</p>
        ) : (
          <Shown key={`${keyOf(chosen)} ${chosen.sha256}`} file={chosen} state={state} />
        )}
      </div>
    </div>
  );
}

function keyOf(file: Artifact): string {
  return `${file.attempt}:${file.path}`;
}

function Shown({ file, state }: { file: Artifact; state: RunState }) {
  return (
    <article>
      <header class="file-head">
        <h2>{file.path}</h2>
        <Button
          small
          onClick={async () => {
            try {
              location.assign(await signed(state.of, file));
            } catch (error) {
              say(why(error), "bad");
            }
          }}
        >
          Download
        </Button>
      </header>
      <dl class="run-facts">
        <div>
          <dt>Size</dt>
          <dd>{bytes(file.size)}</dd>
        </div>
        <div>
          <dt>Type</dt>
          <dd>{file.media_type ?? "not told"}</dd>
        </div>
        <div>
          <dt>State</dt>
          <dd>{AVAILABILITY[file.availability] ?? file.availability}</dd>
        </div>
        <div>
          <dt>Logged</dt>
          <dd>{moment(file.created_at)}</dd>
        </div>
        <div>
          <dt>SHA-256</dt>
          <dd>
            <code title={file.sha256}>{file.sha256.slice(0, 16)}…</code>
          </dd>
        </div>
      </dl>
      <Preview file={file} />
    </article>
  );
}

const AVAILABILITY: Record<string, string> = {
  available: "here, and of that digest",
  pending: "not looked at yet",
  missing: "missing from the object store",
  mismatched: "altered: not of that digest",
};

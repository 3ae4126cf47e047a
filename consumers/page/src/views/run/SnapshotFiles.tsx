/** The files of the run's snapshot as a tree, with a preview beside it. */

import { useMemo } from "preact/hooks";
import { bytes, nOfM } from "../../charts/wording";
import { type CodeFile, contentAddress, contentOf, filesOf } from "../../code/api";
import { Badge, Field } from "../../parts";
import { change, parameter, parameters } from "../../url";
import { PREVIEW_BYTES } from "./api";
import { useAsked } from "./asking";
import { Body, Image } from "./files/Preview";
import { Tree } from "./files/Tree";
import { kindOf, treeOf } from "./files/tree";

/** Folders of more files than this are shut at first. */
const OPEN_MAX = 300;

export function SnapshotFiles({ workspace, id }: { workspace: string; id: string }) {
  const asked = useAsked(`${workspace} ${id}`, 0, (signal) => filesOf(workspace, id, { signal }));
  const { data, error } = asked.value;
  const q = parameter("code_q").toLowerCase();
  const found = useMemo(() => (data?.files ?? []).filter((file) => file.path.toLowerCase().includes(q)), [data, q]);
  const tree = useMemo(() => treeOf(found), [found]);
  const folded = parameters("code_folded");
  if (data === null) return error === null ? <p class="waiting">…</p> : <p class="run-note warn">{error}</p>;
  const few = found.length <= OPEN_MAX;
  const chosen = data.files.find((file) => file.path === parameter("code"));
  return (
    <div class="files-tab">
      <div class="files-list">
        <div class="controls">
          <Field
            label="Search the code's files"
            hidesLabel
            type="search"
            placeholder="Search files"
            value={parameter("code_q")}
            onInput={(text) => change({ code_q: text }, { replace: true })}
          />
          <span class="muted" role="status">
            {nOfM(found.length, data.of, "files")}, {bytes(tree.size)}
          </span>
        </div>
        <Tree
          folder={tree}
          isClosed={(path) => folded.includes(path) === few}
          onToggle={(path) =>
            change(
              { code_folded: folded.includes(path) ? folded.filter((one) => one !== path) : [...folded, path] },
              { replace: true },
            )
          }
          isChosen={(file) => file === chosen}
          onChoose={(file) => change({ code: file.path }, { replace: true })}
          keyOf={(file) => file.path}
          noteOf={(file) => file.executable && <Badge>executable</Badge>}
        />
      </div>
      <div class="files-preview">
        {chosen === undefined ? (
          <p class="waiting">Choose a file to look at it.</p>
        ) : (
          <Shown key={chosen.path} workspace={workspace} id={id} file={chosen} />
        )}
      </div>
    </div>
  );
}

function Shown({ workspace, id, file }: { workspace: string; id: string; file: CodeFile }) {
  const kind = kindOf(file);
  return (
    <article>
      <header class="file-head">
        <h3>{file.path}</h3>
        <span class="muted">{bytes(file.size)}</span>
      </header>
      {file.unreadable !== null ? (
        <p class="run-note warn">It is not shown: it {file.unreadable}.</p>
      ) : kind === "image" ? (
        <Image alt={file.path} src={contentAddress(workspace, id, file.path)} />
      ) : (
        <Body
          of={`${id} ${file.path}`}
          size={file.size}
          kind={kind}
          ask={(signal) => contentOf(workspace, id, file.path, PREVIEW_BYTES, { signal })}
        />
      )}
    </article>
  );
}

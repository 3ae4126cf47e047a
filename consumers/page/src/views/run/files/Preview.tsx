/** A look at a file: an image as itself, JSON set out, CSV as a table, text as text; the first part of a large one. */

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { address } from "../../../api";
import { bytes, count } from "../../../charts/wording";
import { type Artifact, PREVIEW_BYTES, preview, previewPath } from "../api";
import { useAsked } from "../asking";
import { useRun } from "../state";
import { kindOf, parseCsv } from "./tree";

const ROWS_MAX = 500;

export function Preview({ file }: { file: Artifact }) {
  const kind = kindOf(file);
  if (file.availability === "missing" || file.availability === "mismatched")
    return (
      <p class="run-note bad">Its bytes are {file.availability}: there is nothing to show that could be trusted.</p>
    );
  if (kind === "image") return <Picture file={file} />;
  return <Text file={file} kind={kind} />;
}

export function Picture({ file }: { file: Artifact }) {
  const { of } = useRun();
  const failed = useSignal(false);
  if (failed.value)
    return <p class="run-note warn">The picture cannot be shown: too large for a preview, or no image. Download it.</p>;
  return (
    <img
      class="picture"
      alt={file.metric_name ?? file.path}
      src={address(previewPath(of), { path: file.path, attempt: file.attempt })}
      onError={() => {
        failed.value = true;
      }}
    />
  );
}

function Text({ file, kind }: { file: Artifact; kind: "json" | "csv" | "text" | "other" }) {
  const { of } = useRun();
  const asked = useAsked(JSON.stringify([of, file.path, file.attempt]), 0, async (aborted) => {
    const answer = await preview(of, file, 0, { signal: aborted });
    return new Uint8Array(await answer.arrayBuffer());
  });
  const { data, error } = asked.value;
  const shown = useMemo(() => (data === null ? null : textOf(data)), [data]);
  if (error !== null) return <p class="run-note warn">{error}</p>;
  if (data === null) return <p class="waiting">…</p>;
  const part =
    file.size > data.length ? (
      <p class="hint">
        The first {bytes(data.length)} of {bytes(file.size)}.
      </p>
    ) : null;
  if (file.size === 0) return <p class="hint">The file is empty.</p>;
  if (shown === null) return <p class="hint">Bytes that are no text. Download the file to look into it.</p>;
  return (
    <>
      {part}
      {kind === "csv" ? (
        <Csv text={shown} whole={file.size <= PREVIEW_BYTES} />
      ) : (
        <pre class="raw">{kind === "json" ? setOut(shown) : shown}</pre>
      )}
    </>
  );
}

function Csv({ text, whole }: { text: string; whole: boolean }) {
  const rows = useMemo(() => parseCsv(text, ROWS_MAX + 2), [text]);
  const [head = [], ...all] = whole ? rows : rows.slice(0, -1);
  return (
    <div class="csv">
      <table class="facts">
        <thead>
          <tr>
            {head.map((cell, i) => (
              <th key={i} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {all.slice(0, ROWS_MAX).map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {all.length > ROWS_MAX && <p class="hint">The first {count(ROWS_MAX)} rows.</p>}
    </div>
  );
}

/** UTF-8 text, or null: a NUL or much that is no UTF-8 is no text. A character cut at the end is let go. */
function textOf(data: Uint8Array): string | null {
  if (data.includes(0)) return null;
  const text = new TextDecoder().decode(data).replace(/\uFFFD{1,3}$/, "");
  const broken = text.split("\uFFFD").length - 1;
  return broken > text.length / 50 ? null : text;
}

function setOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

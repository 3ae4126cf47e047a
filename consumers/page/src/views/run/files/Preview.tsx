/** A look at a file: an image as itself, JSON set out, CSV as a table, text as text; the first part of a large one. */

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { address } from "../../../api";
import { bytes, count } from "../../../charts/wording";
import { textOf } from "../../../code/text";
import { type Artifact, PREVIEW_BYTES, preview, previewPath } from "../api";
import { useAsked } from "../asking";
import { useRun } from "../state";
import { type Kind, kindOf, parseCsv } from "./tree";

const ROWS_MAX = 500;

export function Preview({ file }: { file: Artifact }) {
  const { of } = useRun();
  const kind = kindOf(file);
  if (file.availability === "missing" || file.availability === "mismatched")
    return (
      <p class="run-note bad">Its bytes are {file.availability}: there is nothing to show that could be trusted.</p>
    );
  if (kind === "image") return <Picture file={file} />;
  return (
    <Body
      of={JSON.stringify([of, file.path, file.attempt])}
      size={file.size}
      kind={kind}
      ask={(signal) => preview(of, file, 0, { signal })}
    />
  );
}

export function Picture({ file }: { file: Artifact }) {
  const { of } = useRun();
  return (
    <Image
      alt={file.metric_name ?? file.path}
      src={address(previewPath(of), { path: file.path, attempt: file.attempt })}
    />
  );
}

export function Image({ alt, src }: { alt: string; src: string }) {
  const failed = useSignal(false);
  if (failed.value)
    return <p class="run-note warn">The picture cannot be shown: too large for a preview, or no image. Download it.</p>;
  return (
    <img
      class="picture"
      alt={alt}
      src={src}
      onError={() => {
        failed.value = true;
      }}
    />
  );
}

/** What the beginning of a file says: `ask` gets at most PREVIEW_BYTES of it, once per `of`. */
export function Body({
  of,
  size,
  kind,
  ask,
}: {
  of: string;
  size: number;
  kind: Exclude<Kind, "image">;
  ask: (aborted: AbortSignal) => Promise<Response>;
}) {
  const asked = useAsked(of, 0, async (aborted) => new Uint8Array(await (await ask(aborted)).arrayBuffer()));
  const { data, error } = asked.value;
  const shown = useMemo(() => (data === null ? null : textOf(data)), [data]);
  if (error !== null) return <p class="run-note warn">{error}</p>;
  if (data === null) return <p class="waiting">…</p>;
  const part =
    size > data.length ? (
      <p class="hint">
        The first {bytes(data.length)} of {bytes(size)}.
      </p>
    ) : null;
  if (size === 0) return <p class="hint">The file is empty.</p>;
  if (shown === null) return <p class="hint">Bytes that are no text. Download the file to look into it.</p>;
  return (
    <>
      {part}
      {kind === "csv" ? (
        <Csv text={shown} whole={size <= PREVIEW_BYTES} />
      ) : (
        <pre
          class="raw"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it
          tabIndex={0}
        >
          {kind === "json" ? setOut(shown) : shown}
        </pre>
      )}
    </>
  );
}

function Csv({ text, whole }: { text: string; whole: boolean }) {
  const rows = useMemo(() => parseCsv(text, ROWS_MAX + 2), [text]);
  const [head = [], ...all] = whole ? rows : rows.slice(0, -1);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it
    <div class="csv" role="group" aria-label="Rows" tabIndex={0}>
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

function setOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Two texts over each other: what was removed, what was added, and the lines around. Loaded when it is looked at. */

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { count } from "../charts/wording";
import { Button } from "../parts";
import "./code.css";
import { CONTEXT, type Kind, type Line, linesOf } from "./lines";

const SHOWN = 1000;
const MARKS: Readonly<Record<Kind, readonly [sign: string, told: string]>> = {
  same: [" ", ""],
  removed: ["−", "removed"],
  added: ["+", "added"],
  note: [" ", "note"],
  gap: ["⋯", ""],
};

export function LineDiff({
  label,
  before,
  after,
  all,
}: {
  label: string;
  before: string;
  after: string;
  /** Whether lines that are the same are all shown. */
  all: boolean;
}) {
  const found = useMemo(() => linesOf(before, after, all ? Number.POSITIVE_INFINITY : CONTEXT), [before, after, all]);
  const shown = useSignal(SHOWN);
  const { lines } = found;
  if (lines.length === 0) return <p class="hint">{all ? "The file is empty." : "Line by line they are the same."}</p>;
  return (
    <>
      <p role="status" class="diff-told">
        <span class="diff-added">{count(found.added)} added</span>,{" "}
        <span class="diff-removed">{count(found.removed)} removed</span>
        {found.least ? null : ": they differ in so much that all is shown as replaced"}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it */}
      <section class="diff" aria-label={label} tabIndex={0}>
        <table>
          <thead class="unseen-head">
            <tr>
              <th scope="col">before</th>
              <th scope="col">after</th>
              <th scope="col">change</th>
              <th scope="col">line</th>
            </tr>
          </thead>
          <tbody>
            {lines.slice(0, shown.value).map((line, at) => (
              <Row key={at} line={line} />
            ))}
          </tbody>
        </table>
        {lines.length > shown.value ? (
          <p class="diff-more">
            <Button
              small
              onClick={() => {
                shown.value += 10 * SHOWN;
              }}
            >
              Show more: {count(shown.value)} of {count(lines.length)} lines are here
            </Button>
          </p>
        ) : null}
      </section>
    </>
  );
}

function Row({ line }: { line: Line }) {
  const [sign, told] = MARKS[line.kind];
  if (line.kind === "gap") {
    return (
      <tr class="gap">
        <td colSpan={4}>
          <span aria-hidden="true">{sign}</span> goes on at line {line.after}
        </td>
      </tr>
    );
  }
  return (
    <tr class={line.kind}>
      <td class="at">{line.before}</td>
      <td class="at">{line.after}</td>
      <td class="sign">
        <span aria-hidden="true">{sign}</span>
        {told === "" ? null : <span class="unseen">{told}</span>}
      </td>
      <td class="line">{line.text}</td>
    </tr>
  );
}

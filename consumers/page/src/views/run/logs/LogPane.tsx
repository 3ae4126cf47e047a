/** One log: its bytes by ordinals, from the start or (when large) from its end, its lines, its search. */

import { useSignal } from "@preact/signals";
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { address, below } from "../../../api";
import { bytes, count } from "../../../charts/wording";
import { Button, Field } from "../../../parts";
import { change, parameter } from "../../../url";
import { type Log, logPiece } from "../api";
import { why } from "../asking";
import { useRun } from "../state";
import { type Line, LogText, plain, search } from "./text";

const LINE_PX = 18;
const PIECE = 1 << 20;
const TAIL = 8 << 20; // of a larger log, so much of its end is read until all is asked for
const SOON_MS = 1_500;

export function LogPane({ log, tick }: { log: Log; tick: number }) {
  const { of } = useRun();
  const back = of.as_of !== "";
  const follow = parameter("follow", "1") !== "0";
  const all = useSignal(log.bytes <= TAIL);
  const first = useRef(all.peek() ? 1 : Math.max(1, log.bytes - TAIL + 1));
  const read = useRef({ text: new LogText(), next: first.current, lost: 0 });
  const version = useSignal(0);
  const error = useSignal<string | null>(null);
  const waiting = useSignal(true);

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const state = read.current;
    const more = async (): Promise<void> => {
      try {
        for (;;) {
          const piece = await logPiece(of, log, state.next, PIECE, { signal: abort.signal });
          if (abort.signal.aborted) return;
          state.text.feed(piece.bytes);
          state.lost += piece.lost;
          const stands = piece.next === state.next;
          state.next = piece.next;
          version.value += 1;
          error.value = null;
          if (piece.next >= piece.end) break;
          if (stands) {
            if (!back) timer = setTimeout(() => void more(), SOON_MS); // a hole that may still be filled
            return;
          }
        }
        waiting.value = false;
      } catch (problem) {
        if (!abort.signal.aborted) error.value = why(problem);
      }
    };
    void more();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [tick, all.value]);

  const { text, lost } = read.current;
  const lines = text.lines;
  const q = parameter("find");
  const found = useMemo(() => search(lines, q), [q, version.value]);
  const at = useSignal(-1);
  const pane = useRef<HTMLDivElement>(null);
  const virtual = useVirtual(pane, lines.length);
  const atEnd = useRef(true);
  const wheeled = useRef(false); // whether a person has scrolled, rather than new text
  useLayoutEffect(() => {
    if (follow && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [version.value, follow, lines.length]);
  const go = (step: number): void => {
    if (found.length === 0) return;
    at.value = (at.peek() + step + found.length) % found.length;
    change({ follow: "0" }, { replace: true });
    virtual.scrollToIndex(found[at.value] as number, { align: "center" });
  };
  useEffect(() => {
    at.value = -1;
  }, [q, at]);
  const hits = useMemo(() => new Set(found), [found]);
  const current = found[at.value];

  return (
    <section class="log" aria-label={`Log ${log.name}`}>
      <div class="controls">
        <Field
          label="Search in the log"
          hidesLabel
          type="search"
          placeholder="Search in the log"
          value={q}
          onInput={(wanted) => change({ find: wanted }, { replace: true })}
          onKeyDown={(event) => {
            if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
          }}
        />
        {q !== "" && (
          <>
            <span role="status" class="muted log-found">
              {found.length === 0
                ? "not found"
                : at.value < 0
                  ? `${count(found.length)} lines`
                  : `${count(at.value + 1)} of ${count(found.length)} lines`}
            </span>
            <Button small label="Line before" disabled={found.length === 0} onClick={() => go(-1)}>
              ↑
            </Button>
            <Button small label="Next line" disabled={found.length === 0} onClick={() => go(1)}>
              ↓
            </Button>
          </>
        )}
        <span class="fill" />
        <span class="muted">
          {count(lines.length)} lines{waiting.value && (back ? " up to what was still on its way" : " so far")}
          {lost > 0 && `, ${bytes(lost)} declared lost`}
        </span>
        {!all.value && (
          <Button
            small
            onClick={() => {
              read.current = { text: new LogText(), next: 1, lost: 0 };
              first.current = 1;
              waiting.value = true;
              all.value = true;
            }}
          >
            {`The last ${bytes(TAIL)} are shown: read all ${bytes(log.bytes)}`}
          </Button>
        )}
        {!back && (
          <label class="control-check">
            <input
              type="checkbox"
              checked={follow}
              onChange={(event) => change({ follow: event.currentTarget.checked ? null : "0" }, { replace: true })}
            />
            follow
          </label>
        )}
        <a
          class="button small"
          href={address(below(of.workspace, "runs", of.run_id, "logs", "content"), {
            name: log.name,
            attempt: log.attempt,
            writer_id: log.writer_id,
            limit: 4 << 20,
            as_of: of.as_of || undefined,
          })}
          download={log.name.split("/").pop()}
        >
          {log.bytes > 4 << 20 ? "First 4 MiB" : "Download"}
        </a>
      </div>
      {error.value !== null && <p class="error pad">{error.value}</p>}
      <div
        class="log-lines"
        ref={pane}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={`Text of ${log.name}`}
        onScroll={(event) => {
          const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
          const near = scrollTop + clientHeight >= scrollHeight - 2 * LINE_PX;
          if (atEnd.current && !near && follow && event.isTrusted && wheeled.current)
            change({ follow: "0" }, { replace: true });
          atEnd.current = near;
        }}
        onWheel={() => {
          wheeled.current = true;
        }}
        onKeyDown={() => {
          wheeled.current = true;
        }}
        onPointerDown={() => {
          wheeled.current = true;
        }}
      >
        <div class="log-all" style={{ height: `${virtual.getTotalSize()}px` }}>
          {virtual.getVirtualItems().map((item) => (
            <LogLine
              key={item.index}
              number={item.index}
              first={first.current === 1}
              top={item.start}
              line={lines[item.index] ?? []}
              wanted={hits.has(item.index) ? q : ""}
              current={item.index === current}
            />
          ))}
        </div>
      </div>
    </section>
  );
}

interface LineProps {
  number: number;
  first: boolean;
  top: number;
  line: Line;
  wanted: string;
  current: boolean;
}

function LogLine({ number, first, top, line, wanted, current }: LineProps) {
  return (
    <div
      class="log-line"
      style={{ transform: `translateY(${top}px)` }}
      data-hit={wanted === "" ? undefined : current ? "current" : "true"}
    >
      <span class="log-number" aria-hidden="true">
        {first ? number + 1 : ""}
      </span>
      <span class="log-text">
        {wanted === ""
          ? line.map((span, i) => (
              <span key={i} class={span.style || undefined}>
                {span.text}
              </span>
            ))
          : marked(plain(line), wanted)}
      </span>
    </div>
  );
}

function marked(text: string, wanted: string): preact.ComponentChildren {
  const exact = wanted !== wanted.toLowerCase();
  const parts: preact.ComponentChildren[] = [];
  const hay = exact ? text : text.toLowerCase();
  let at = 0;
  for (let hit = hay.indexOf(wanted); hit >= 0 && parts.length < 400; hit = hay.indexOf(wanted, at)) {
    parts.push(text.slice(at, hit), <mark key={hit}>{text.slice(hit, hit + wanted.length)}</mark>);
    at = hit + wanted.length;
  }
  return [...parts, text.slice(at)];
}

function useVirtual(pane: { current: HTMLDivElement | null }, lines: number) {
  const [, redraw] = useReducer((n: number, _: undefined) => n + 1, 0);
  const [virtual] = useState(
    () =>
      new Virtualizer<HTMLDivElement, HTMLDivElement>({
        count: lines,
        getScrollElement: () => pane.current,
        estimateSize: () => LINE_PX,
        overscan: 30,
        observeElementRect,
        observeElementOffset,
        scrollToFn: elementScroll,
        onChange: () => redraw(undefined),
      }),
  );
  virtual.setOptions({ ...virtual.options, count: lines });
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}

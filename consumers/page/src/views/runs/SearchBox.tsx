/** The filter: typed with completion, applied by enter; an error stands under its place in the text. */

import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { ApiError, searchColumns, searchGroups } from "../../api";
import { quoted } from "../../runs/refs";
import { type Context, completed, contextAt, OPERATORS } from "./completion";

interface Suggestion {
  readonly text: string;
  readonly note: string;
}

const STATUSES = ["Running", "Completed", "Failed", "Canceled", "Queued", "Preparing", "Starting", "NotResponding"];
const SHOWN_MAX = 12;
const PAUSE_MS = 120;

export function SearchBox({
  workspace,
  q,
  error,
  onApply,
}: {
  workspace: string;
  q: string;
  error: Error | null;
  onApply: (q: string) => void;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const text = useSignal(q);
  const open = useSignal(false);
  const active = useSignal(-1);
  const suggestions = useSignal<readonly Suggestion[]>([]);
  const context = useRef<Context | null>(null);
  const asking = useRef<{ timer: number; abort: AbortController | null }>({ timer: 0, abort: null });

  useEffect(() => {
    text.value = q;
  }, [q, text]);

  const look = () => {
    const box = input.current;
    if (box === null) return;
    const here = contextAt(box.value, box.selectionStart ?? box.value.length);
    context.current = here;
    clearTimeout(asking.current.timer);
    asking.current.abort?.abort();
    const abort = new AbortController();
    asking.current.abort = abort;
    const show = (found: readonly Suggestion[]) => {
      if (abort.signal.aborted) return;
      suggestions.value = found.slice(0, SHOWN_MAX);
      active.value = -1;
      open.value = found.length > 0 && document.activeElement === box;
    };
    if (here.expected === "operator") return show(starting(OPERATORS, here.prefix));
    if (here.expected === "joiner") return show(starting(["and", "or"], here.prefix));
    asking.current.timer = window.setTimeout(() => {
      suggest(workspace, here, abort.signal)
        .then(show)
        .catch(() => show([]));
    }, PAUSE_MS);
  };

  const take = (suggestion: Suggestion) => {
    const box = input.current;
    if (box === null || context.current === null) return;
    const next = completed(box.value, box.selectionStart ?? box.value.length, context.current, suggestion.text);
    text.value = next.text;
    box.value = next.text;
    box.setSelectionRange(next.cursor, next.cursor);
    look();
  };

  const keys = (event: KeyboardEvent) => {
    const found = suggestions.value;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!open.value) return look();
      const step = event.key === "ArrowDown" ? 1 : -1;
      active.value = (active.value + step + found.length + 1) % (found.length + 1);
      if (active.value === found.length) active.value = -1;
      event.preventDefault();
    } else if (event.key === "Tab" && open.value && found.length > 0 && !event.shiftKey && text.value !== q) {
      const chosen = found[Math.max(0, active.value)];
      if (chosen !== undefined && context.current?.prefix !== "") {
        take(chosen);
        event.preventDefault();
      }
    } else if (event.key === "Enter") {
      const chosen = open.value ? found[active.value] : undefined;
      if (chosen !== undefined) take(chosen);
      else {
        open.value = false;
        onApply(text.value.trim());
      }
      event.preventDefault();
    } else if (event.key === "Escape" && open.value) {
      open.value = false;
      event.stopPropagation();
    }
  };

  const wrong = error instanceof ApiError && typeof error.detail["position"] === "number" ? error : null;
  return (
    <div class="search">
      <svg class="icon" width="14" height="14" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M10.5 10.5 14 14" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" />
      </svg>
      <input
        ref={input}
        id={`${id}-box`}
        type="text"
        role="combobox"
        aria-label="Filter runs"
        aria-expanded={open.value}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={open.value && active.value >= 0 ? `${id}-${active.value}` : undefined}
        aria-invalid={wrong !== null ? true : undefined}
        aria-describedby={wrong !== null ? `${id}-error` : undefined}
        placeholder='Filter: status = "Running" and metric.loss.min < 0.2    (/)'
        autoComplete="off"
        spellcheck={false}
        value={text.value}
        data-shortcut="search"
        onInput={(event) => {
          text.value = event.currentTarget.value;
          look();
        }}
        onFocus={look}
        onClick={look}
        onBlur={() => {
          open.value = false;
        }}
        onKeyDown={keys}
      />
      {text.value === "" ? null : (
        <button
          type="button"
          class="clear"
          aria-label="Clear the filter"
          onClick={() => {
            text.value = "";
            onApply("");
            input.current?.focus();
          }}
        >
          ×
        </button>
      )}
      <ul id={`${id}-list`} role="listbox" aria-label="Suggestions" class="suggestions" hidden={!open.value}>
        {suggestions.value.map((suggestion, at) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the box's
          <li
            key={suggestion.text}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === active.value}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => take(suggestion)}
          >
            <span class="mono">{suggestion.text}</span>
            <span class="note">{suggestion.note}</span>
          </li>
        ))}
      </ul>
      {wrong === null ? null : <Wrong id={`${id}-error`} error={wrong} />}
    </div>
  );
}

const BEFORE = 28;
const AFTER = 24;

/** The text around what is wrong, with its place marked, and what was expected there. */
function Wrong({ id, error }: { id: string; error: ApiError }) {
  const position = Number(error.detail["position"]);
  const whole = [...String(error.detail["text"] ?? "")];
  const expected = Array.isArray(error.detail["expected"]) ? error.detail["expected"].map(String) : [];
  const from = Math.max(0, position - BEFORE);
  return (
    <div id={id} class="wrong" role="alert">
      <code>
        {from > 0 ? "…" : ""}
        {whole.slice(from, position).join("")}
        <mark>{whole[position] ?? "\u00a0"}</mark>
        {whole.slice(position + 1, position + AFTER).join("")}
      </code>
      <p>{error.message}</p>
      {expected.length === 0 ? null : <p class="muted">Expected: {expected.join("; ")}</p>}
    </div>
  );
}

async function suggest(workspace: string, context: Context, aborted: AbortSignal): Promise<readonly Suggestion[]> {
  if (context.expected === "ref") {
    const columns = await searchColumns(workspace, { prefix: context.prefix, limit: SHOWN_MAX }, { signal: aborted });
    const named = columns.map((column): Suggestion => ({ text: column.ref, note: column.kind }));
    const bare = /^[\w*?-]{2,}$/.test(context.prefix) && named.length === 0;
    return bare ? [{ text: `name ~ ${quoted(`*${context.prefix}*`)}`, note: "names that contain it" }] : named;
  }
  const typed = context.prefix.replace(/^["']|["']$/g, "").toLowerCase();
  const found = await valuesOf(workspace, context.ref, aborted);
  return found.filter((one) => one.text.replace(/^"/, "").toLowerCase().startsWith(typed));
}

async function valuesOf(workspace: string, ref: string, aborted: AbortSignal): Promise<readonly Suggestion[]> {
  if (ref === "status") return STATUSES.map((text) => ({ text, note: "status" }));
  if (["created", "started", "ended"].includes(ref)) {
    return ["-1h", "-1d", "-7d", "-30d"].map((text) => ({ text, note: "ago" }));
  }
  if (!/^(tag|property)\.|^(experiment|type|target|submitted_by)$/.test(ref)) return [];
  const { groups } = await searchGroups(workspace, { by: ref, limit: 50 }, { signal: aborted });
  return groups.flatMap(({ value, runs }) =>
    value === null
      ? []
      : [{ text: /^[\w.-]+$/.test(String(value)) ? String(value) : quoted(String(value)), note: `${runs} runs` }],
  );
}

function starting(words: readonly string[], prefix: string): readonly Suggestion[] {
  return words.filter((word) => word.startsWith(prefix.toLowerCase())).map((text) => ({ text, note: "" }));
}

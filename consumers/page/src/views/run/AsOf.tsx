/**
 * Looking back: the whole run as of an earlier moment, chosen by event or by time, and marked so that nobody takes it for
 * now. A moment is a broker time; events that the broker took in the same millisecond go together.
 */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count, moment } from "../../charts/wording";
import { Button } from "../../parts";
import { change, parameter } from "../../url";
import { events, type Happening } from "./api";
import { useAsked } from "./asking";
import { type RunState, tickOf, useRun } from "./state";

export interface Moment {
  readonly at: string;
  readonly offset: number;
  readonly what: string;
  readonly events: number;
}

const EVENTS_MAX = 20_000;
const SETTLES_MS = 180;

/** Moments in order: one per broker time, named after its last event. */
export function momentsOf(timeline: readonly Pick<Happening, "broker_time" | "offset" | "event">[]): Moment[] {
  const found: Moment[] = [];
  for (const happening of timeline) {
    const last = found[found.length - 1];
    const same = last?.at === happening.broker_time;
    const next = {
      at: happening.broker_time,
      offset: happening.offset,
      what: happening.event ?? "repeat",
      events: same && last ? last.events + 1 : 1,
    };
    if (same) found[found.length - 1] = next;
    else found.push(next);
  }
  return found;
}

/** Index of the last moment at or before a time; -1 where it lies before all. */
export function momentAt(moments: readonly Moment[], as_of: string): number {
  const wanted = Date.parse(as_of);
  let found = -1;
  moments.forEach((m, i) => {
    if (m.at <= as_of || Date.parse(m.at) < wanted) found = i;
  });
  return found;
}

export function AsOf() {
  const state = useRun();
  const { as_of } = state.of;
  const open = as_of !== "" || parameter("tab") === "events";
  return open ? <Bar state={state} as_of={as_of} /> : null;
}

function Bar({ state, as_of }: { state: RunState; as_of: string }) {
  const now = { ...state.of, as_of: "" };
  const asked = useAsked(JSON.stringify(now), tickOf(state, "facts", "status"), async (aborted) => {
    const all: Happening[] = [];
    let cursor: string | undefined;
    do {
      const page = await events(now, cursor, { signal: aborted });
      all.push(...page.timeline);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && all.length < EVENTS_MAX);
    return { moments: momentsOf(all), all: cursor === undefined };
  });
  const moments = asked.value.data?.moments ?? [];
  const dragged = useSignal<number | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    dragged.value = null;
  }, [as_of, dragged]);
  const isMoment = as_of === "" || !as_of.startsWith("w1.");
  const at = dragged.value ?? (as_of === "" || !isMoment ? moments.length : momentAt(moments, as_of));
  const choose = (index: number, settled = false): void => {
    dragged.value = index;
    clearTimeout(timer.current);
    const go = (): void => change({ as_of: moments[index]?.at ?? null }, { replace: true });
    if (settled) go();
    else timer.current = setTimeout(go, SETTLES_MS);
  };
  const here = moments[at];
  const told =
    here === undefined
      ? as_of === ""
        ? "now"
        : "before its first event"
      : `event ${count(at + 1)} of ${count(moments.length)}: ${here.what} at offset ${here.offset}, ${moment(here.at, true)}`;
  return (
    <section class="as-of" data-back={as_of === "" ? undefined : "true"} aria-label="As of">
      {as_of === "" ? (
        <span class="as-of-title">As of now</span>
      ) : (
        <strong class="as-of-title" role="status">
          Looking back: as of {isMoment ? moment(as_of, true) : "a watermark"}
        </strong>
      )}
      <Button small kind="quiet" label="Event before" disabled={at <= 0} onClick={() => choose(at - 1, true)}>
        ◀
      </Button>
      <input
        type="range"
        min={0}
        max={moments.length}
        step={1}
        value={Math.max(0, at)}
        aria-label="As of which event"
        aria-valuetext={told}
        disabled={moments.length === 0}
        onInput={(event) => choose(Number(event.currentTarget.value))}
      />
      <Button
        small
        kind="quiet"
        label="Event after"
        disabled={at >= moments.length}
        onClick={() => choose(at + 1, true)}
      >
        ▶
      </Button>
      <span class="as-of-told">{told}</span>
      <label class="as-of-time">
        or time
        <input
          type="datetime-local"
          step="0.001"
          value={isMoment && as_of !== "" ? local(as_of) : ""}
          onChange={(event) => {
            const time = new Date(event.currentTarget.value);
            if (!Number.isNaN(time.getTime())) change({ as_of: time.toISOString() });
          }}
        />
      </label>
      {as_of !== "" && (
        <Button small kind="primary" onClick={() => change({ as_of: null })}>
          Back to now
        </Button>
      )}
      {as_of !== "" && (
        <p class="hint">
          All of it is folded up to there; by time, points and logs to the second. Signs of life are not kept, and
          whether the bytes of a file are stored is what was found since.
        </p>
      )}
      {asked.value.data?.all === false && (
        <p class="hint">The slider holds the first {count(EVENTS_MAX)} events; for later ones give a time.</p>
      )}
      {asked.value.error !== null && <p class="error">{asked.value.error}</p>}
    </section>
  );
}

function local(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 23);
}

/** What happened, as it stands in the log: an auditor's view, nothing left out, refusals and repeats too. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { csv, fileName, save } from "../../../charts/exporting";
import { count, moment } from "../../../charts/wording";
import { Badge, Button, Choice, Field } from "../../../parts";
import { change, parameter } from "../../../url";
import { events, type Happening } from "../api";
import { why } from "../asking";
import { tickOf, useRun } from "../state";
import { fieldsOf, occurredAt, passes, summaryOf, TIMELINE_HEAD, timelineRows } from "./timeline";

const ROWS_AT_ONCE = 300;
const TONES = { accepted: "good", refused: "bad", repeated: "neutral", conflicting: "bad", skipped: "warn" } as const;

export function EventsTab() {
  const state = useRun();
  const { of, run } = state;
  const { rows, error, all, more } = useTimeline();
  const shownMax = useSignal(ROWS_AT_ONCE);
  const filter = {
    q: parameter("events_q"),
    verdict: parameter("verdict"),
    event: parameter("event"),
    writer: parameter("writer"),
  };
  const found = useMemo(
    () => rows.filter((one) => passes(one, filter)),
    [rows, filter.q, filter.verdict, filter.event, filter.writer],
  );
  const newest = parameter("events_order") === "newest";
  const ordered = newest ? [...found].reverse() : found;
  const kinds = useMemo(() => [...new Set(rows.flatMap((one) => one.event ?? []))].sort(), [rows]);
  const writers = useMemo(() => [...new Set(rows.flatMap((one) => one.writer_id ?? []))], [rows]);
  const nameOf = (writer_id: string): string => {
    const writer = run.writers.find((w) => w.writer_id === writer_id);
    const rank = writer?.rank === null || writer?.rank === undefined ? "" : ` rank ${writer.rank}`;
    return `${writer_id.slice(0, 8)}${rank}${writer?.actor ? ` ${writer.actor}` : ""}`;
  };
  const set = (name: string) => (text: string) => change({ [name]: text }, { replace: true });
  return (
    <div class="events-tab">
      <div class="controls">
        <Field
          label="Search events"
          hidesLabel
          type="search"
          placeholder="Search fields, rules, offsets"
          value={filter.q}
          onInput={set("events_q")}
        />
        <Choice
          label="Event"
          value={filter.event}
          options={[["", "all"], ...kinds.map((kind) => [kind, kind] as const)]}
          onChange={set("event")}
        />
        <Choice
          label="Verdict"
          value={filter.verdict}
          options={[["", "all"], ...Object.keys(TONES).map((verdict) => [verdict, verdict] as const)]}
          onChange={set("verdict")}
        />
        <Choice
          label="Writer"
          value={filter.writer}
          options={[["", "all"], ...writers.map((writer) => [writer, nameOf(writer)] as const)]}
          onChange={set("writer")}
        />
        <Choice
          label="Order"
          hidesLabel
          value={newest ? "newest" : ""}
          options={[
            ["", "oldest first"],
            ["newest", "newest first"],
          ]}
          onChange={set("events_order")}
        />
        <span role="status" class="muted">
          {found.length === rows.length
            ? `${count(rows.length)} events`
            : `${count(found.length)} of ${count(rows.length)} events`}
          {!all && ", more are there"}
        </span>
        <span class="fill" />
        {!all && (
          <Button small onClick={more}>
            Read on
          </Button>
        )}
        <Button
          small
          onClick={() => save(fileName(`${of.run_id}_events`, "csv"), csv(TIMELINE_HEAD, timelineRows(found)))}
        >
          csv
        </Button>
      </div>
      {error !== null && (
        <p class="error pad" role="alert">
          {error}
        </p>
      )}
      <p class="hint pad">
        Facts and claims in the order of the log. Points and log text are no facts: they stand in the charts and logs.
        Times: the broker's, and the writer's own.
      </p>
      <table class="facts timeline">
        <thead>
          <tr>
            <th scope="col" class="num">
              offset
            </th>
            <th scope="col">broker time</th>
            <th scope="col">occurred at</th>
            <th scope="col">writer</th>
            <th scope="col" class="num">
              ordinal
            </th>
            <th scope="col">event</th>
            <th scope="col">verdict</th>
            <th scope="col">what it says</th>
            <th scope="col">
              <span class="unseen">look back</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {ordered.slice(0, shownMax.value).map((one) => (
            <Row key={`${one.partition} ${one.offset}`} one={one} nameOf={nameOf} />
          ))}
        </tbody>
      </table>
      {ordered.length > shownMax.value && (
        <p class="pad">
          <Button
            onClick={() => {
              shownMax.value += 1000;
            }}
          >
            {`Show more: ${count(ordered.length - shownMax.value)} are below`}
          </Button>
        </p>
      )}
    </div>
  );
}

function Row({ one, nameOf }: { one: Happening; nameOf: (writer_id: string) => string }) {
  const open = useSignal(false);
  const { of } = useRun();
  const fields = fieldsOf(one);
  return (
    <>
      <tr data-verdict={one.verdict} data-offset={one.offset}>
        <td class="num">{one.offset}</td>
        <td>{moment(one.broker_time, true)}</td>
        <td>{moment(occurredAt(one), true)}</td>
        <td class="mono">{one.writer_id === null ? "–" : nameOf(one.writer_id)}</td>
        <td class="num">{one.ordinal ?? "–"}</td>
        <th scope="row">{one.event ?? "–"}</th>
        <td>
          <Badge tone={TONES[one.verdict as keyof typeof TONES] ?? "neutral"}>{one.verdict}</Badge>
          {one.rule !== null && <span class="muted"> {one.rule}</span>}
        </td>
        <td class="says">
          {one.body === null ? (
            <i class="muted">the same as was said before; its fields are not kept twice</i>
          ) : (
            <button
              type="button"
              class="says-button"
              aria-expanded={open.value}
              onClick={() => {
                open.value = !open.value;
              }}
            >
              {summaryOf(one) || "nothing more"}
            </button>
          )}
          {one.refusals.map((refusal) => (
            <p class="refusal" key={`${refusal.key} ${refusal.rule}`}>
              <b>{refusal.key}</b>: kept <b>{refusal.kept ?? "None"}</b>, refused <b>{refusal.refused ?? "None"}</b>{" "}
              <span class="muted">({refusal.rule})</span>
            </p>
          ))}
        </td>
        <td>
          <button
            type="button"
            class="chart-tool"
            aria-label={`The run as of offset ${one.offset}`}
            aria-pressed={of.as_of === one.broker_time}
            onClick={() => change({ as_of: one.broker_time })}
          >
            as of
          </button>
        </td>
      </tr>
      {open.value && (
        <tr class="fields">
          <td colSpan={9}>
            <dl>
              {fields.map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <pre>{typeof value === "string" ? value : JSON.stringify(value, null, 1)}</pre>
                  </dd>
                </div>
              ))}
            </dl>
          </td>
        </tr>
      )}
    </>
  );
}

const PAGES_AT_ONCE = 4;

/** Events page by page; what comes live is read on from where one is. */
function useTimeline(): { rows: readonly Happening[]; error: string | null; all: boolean; more: () => void } {
  const state = useRun();
  const { of } = state;
  const rows = useSignal<readonly Happening[]>([]);
  const all = useSignal(false);
  const error = useSignal<string | null>(null);
  const reading = useRef<{ key: string; running: boolean; again: boolean; cursor: string | undefined }>({
    key: "",
    running: false,
    again: false,
    cursor: undefined,
  });
  const read = async (): Promise<void> => {
    const mine = reading.current;
    if (mine.running) {
      mine.again = true;
      return;
    }
    mine.running = true;
    try {
      do {
        mine.again = false;
        for (let pages = 0; pages < PAGES_AT_ONCE; pages++) {
          const page = await events(of, mine.cursor, {});
          if (reading.current !== mine) return;
          // The last page is read again when something came: it has no cursor of its own yet.
          const known = new Set(rows.peek().map((one) => one.offset));
          const fresh = page.timeline.filter((one) => !known.has(one.offset));
          if (fresh.length > 0) rows.value = [...rows.peek(), ...fresh];
          all.value = page.next_cursor === null;
          error.value = null;
          if (page.next_cursor === null) break;
          mine.cursor = page.next_cursor;
        }
      } while (mine.again);
    } catch (problem) {
      if (reading.current === mine) error.value = why(problem);
    }
    mine.running = false;
  };
  const tick = tickOf(state, "facts", "status", "tags", "properties", "decisions", "artifacts");
  useEffect(() => {
    const key = JSON.stringify(of);
    if (reading.current.key !== key) {
      reading.current = { key, running: false, again: false, cursor: undefined };
      rows.value = [];
      all.value = false;
    }
    void read();
  }, [of, tick]);
  return { rows: rows.value, error: error.value, all: all.value, more: () => void read() };
}

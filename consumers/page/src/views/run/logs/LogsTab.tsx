/** Log text as it grows, per rank: only the lines in sight are drawn, search covers all of it, and it can be followed. */

import { useMemo } from "preact/hooks";
import { bytes, count, moment } from "../../../charts/wording";
import { Choice } from "../../../parts";
import { change, parameter } from "../../../url";
import { logs } from "../api";
import { useAsked } from "../asking";
import { tickOf, useRun } from "../state";
import { LogPane } from "./LogPane";

export function LogsTab() {
  const state = useRun();
  const { of } = state;
  const asked = useAsked(JSON.stringify(of), tickOf(state, "logs", "status"), (aborted) =>
    logs(of, { signal: aborted }),
  );
  const { data, error } = asked.value;
  const all = data?.logs ?? [];
  const names = useMemo(() => [...new Set(all.map((log) => log.name))], [all]);
  const latest = useMemo(() => Math.max(0, ...all.map((log) => log.attempt)), [all]);
  if (data === null) return error === null ? <p class="waiting">…</p> : <p class="error pad">{error}</p>;
  if (all.length === 0)
    return (
      <div class="empty">
        <h2>No logs</h2>
        <p>
          {of.as_of === ""
            ? "What a submitted run prints appears here while it runs."
            : "Nothing of a log had come by then."}
        </p>
      </div>
    );
  const name = names.includes(parameter("log"))
    ? parameter("log")
    : (names.find((n) => n.includes("std_log")) ?? (names[0] as string));
  const named = all.filter((log) => log.name === name);
  const attempts = [...new Set(named.map((log) => log.attempt))].sort((a, b) => a - b);
  const attempt = attempts.includes(Number(parameter("log_attempt") || -1))
    ? Number(parameter("log_attempt"))
    : (attempts[attempts.length - 1] ?? latest);
  const of_attempt = named.filter((log) => log.attempt === attempt);
  const chosen = of_attempt.find((log) => log.writer_id === parameter("writer")) ?? of_attempt[0];
  if (chosen === undefined) return null;
  return (
    <div class="logs-tab">
      <div class="controls">
        <Choice
          label="Log"
          value={name}
          options={names.map((n) => [n, n])}
          onChange={(log) => change({ log, writer: null })}
        />
        {of_attempt.length > 1 && (
          <Choice
            label="Rank"
            value={chosen.writer_id}
            options={of_attempt.map((log) => [
              log.writer_id,
              `${log.rank === null ? "no rank" : `rank ${log.rank}`} (${bytes(log.bytes)})`,
            ])}
            onChange={(writer) => change({ writer })}
          />
        )}
        {attempts.length > 1 && (
          <Choice
            label="Attempt"
            value={String(attempt)}
            options={attempts.map((a) => [String(a), String(a)])}
            onChange={(text) => change({ log_attempt: text, writer: null })}
          />
        )}
        <span class="muted">
          {bytes(chosen.bytes)}, {chosen.complete ? "complete" : `open, last bytes ${moment(chosen.updated_at)}`}
        </span>
        {data.more && <span class="muted">the first {count(all.length)} logs are listed</span>}
      </div>
      <LogPane
        key={`${chosen.name} ${chosen.attempt} ${chosen.writer_id} ${of.as_of}`}
        log={chosen}
        tick={state.ticks.logs.value}
      />
    </div>
  );
}

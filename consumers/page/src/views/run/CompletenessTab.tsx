/** Per writer and stream: what was sent, as far as is known, what of it is stored, declared lost, missing. */

import { csv, fileName, save } from "../../charts/exporting";
import { count, moment } from "../../charts/wording";
import { Badge, Button } from "../../parts";
import { completeness, type Lane } from "./api";
import { useAsked } from "./asking";
import { tickOf, useRun } from "./state";

export function CompletenessTab() {
  const state = useRun();
  const { of, run } = state;
  const tick = tickOf(state, "points", "logs", "facts", "status");
  const asked = useAsked(JSON.stringify(of), tick, (aborted) => completeness(of, { signal: aborted }));
  const { data, error } = asked.value;
  if (data === null) return error === null ? <p class="waiting">…</p> : <p class="error pad">{error}</p>;
  const lanes = data.writers.flatMap((writer) => writer.lanes.map((lane) => ({ writer, lane })));
  const sum = (of_lane: (lane: Lane) => number): number => lanes.reduce((all, { lane }) => all + of_lane(lane), 0);
  return (
    <div class="completeness-tab">
      <div class="controls">
        <Badge tone={data.complete === "complete" ? "good" : data.complete === "open" ? "live" : "warn"}>
          {data.complete.replaceAll("_", " ")}
        </Badge>
        <span>
          {count(sum((lane) => lane.stored))} of {count(sum((lane) => lane.sent))} ordinals stored,{" "}
          {count(sum((lane) => lane.declared_lost))} declared lost, {count(sum(missing))} missing
        </span>
        <span class="fill" />
        <Button
          small
          onClick={() =>
            save(
              fileName(`${of.run_id}_completeness`, "csv"),
              csv(
                HEAD,
                lanes.map(({ writer, lane }) => [
                  writer.writer_id,
                  writer.rank,
                  writer.attempt,
                  writer.host,
                  writer.pid,
                  lane.stream,
                  lane.sent,
                  lane.stored,
                  lane.declared_lost,
                  missing(lane),
                ]),
              ),
            )
          }
        >
          csv
        </Button>
      </div>
      <p class="hint pad">
        A writer is one process's one journal. Ordinals count facts, points and bytes of a log; what is sent is the last
        ordinal that is known of.
      </p>
      <table class="facts">
        <thead>
          <tr>
            <th scope="col">writer</th>
            <th scope="col">claims to be</th>
            <th scope="col">stream</th>
            <th scope="col" class="num">
              sent
            </th>
            <th scope="col" class="num">
              stored
            </th>
            <th scope="col" class="num">
              declared lost
            </th>
            <th scope="col" class="num">
              missing
            </th>
            <th scope="col">which</th>
          </tr>
        </thead>
        <tbody>
          {data.writers.map((writer) => {
            const claimed = run.writers.find((w) => w.writer_id === writer.writer_id);
            return (writer.lanes.length === 0 ? [null] : writer.lanes).map((lane, i) => (
              <tr key={`${writer.writer_id} ${lane?.stream ?? ""}`}>
                {i === 0 ? (
                  <>
                    <th scope="row" rowSpan={Math.max(1, writer.lanes.length)} class="mono" title={writer.writer_id}>
                      {writer.writer_id.slice(0, 12)}
                    </th>
                    <td rowSpan={Math.max(1, writer.lanes.length)}>
                      {[
                        claimed?.actor,
                        writer.host === null ? null : `${writer.host}${writer.pid === null ? "" : `:${writer.pid}`}`,
                        writer.rank === null ? null : `rank ${writer.rank}`,
                        writer.attempt === null ? null : `attempt ${writer.attempt}`,
                        claimed?.opened_at ? `opened ${moment(claimed.opened_at)}` : null,
                      ]
                        .filter(Boolean)
                        .join(", ")}
                      {writer.outsider && <Badge tone="warn">outsider: does not count</Badge>}
                    </td>
                  </>
                ) : null}
                {lane === null ? (
                  <td colSpan={6} class="muted">
                    has said nothing yet
                  </td>
                ) : (
                  <>
                    <td class="mono">{lane.stream}</td>
                    <td class="num">{count(lane.sent)}</td>
                    <td class="num">{count(lane.stored)}</td>
                    <td class="num">
                      {lane.declared_lost === 0 ? "0" : <Badge tone="warn">{count(lane.declared_lost)}</Badge>}
                    </td>
                    <td class="num">{missing(lane) === 0 ? "0" : <Badge tone="bad">{count(missing(lane))}</Badge>}</td>
                    <td>
                      {lane.missing
                        .slice(0, 8)
                        .map(([first, last]) => (first === last ? count(first) : `${count(first)}–${count(last)}`))
                        .join(", ")}
                      {lane.missing.length > 8 && ` and ${count(lane.missing.length - 8)} ranges more`}
                    </td>
                  </>
                )}
              </tr>
            ));
          })}
        </tbody>
      </table>
      <p class="hint pad">
        Watermark <code class="watermark">{data.watermark}</code>
      </p>
    </div>
  );
}

const HEAD = ["writer_id", "rank", "attempt", "host", "pid", "stream", "sent", "stored", "declared_lost", "missing"];

function missing(lane: Lane): number {
  return lane.missing.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

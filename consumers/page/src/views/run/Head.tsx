/** What one must know of a run before anything else: is it alive, is all of it here, what went wrong. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { duration, moment, seconds } from "../../charts/wording";
import { Badge, Button, Choice, Dialog, Field, Status, say } from "../../parts";
import { change, encode, parameter, to } from "../../url";
import { cancel } from "./api";
import { why } from "./asking";
import { CompleteBadge } from "./CompleteBadge";
import { useRun } from "./state";
import { TagsLine } from "./TagsLine";

const ENDED = ["Completed", "Failed", "Canceled"];

export function Head({ stale }: { stale: string | null }) {
  const { of, run, mayWrite } = useRun();
  const ended = ENDED.includes(run.status);
  const ticking = useNow(!ended && of.as_of === "");
  const back = Math.min(Date.parse(of.as_of), Date.now());
  const now = of.as_of === "" ? ticking : back; // looking back, a run has lasted until then; a watermark tells no time
  const attempts = Array.from({ length: run.attempt + 1 }, (_, i) => i);
  const spoken = [
    ...new Set([...run.writers.flatMap((w) => (w.attempt === null ? [] : [w.attempt])), run.attempt]),
  ].sort((a, b) => a - b);
  const actors = [...new Set(run.writers.flatMap((w) => (w.actor === null ? [] : [w.actor])))];
  const ranks = new Set(run.writers.flatMap((w) => (w.rank === null ? [] : [w.rank])));
  const who = run.submitted_by ?? actors[0] ?? null;
  return (
    <header class="run-head">
      <div class="run-title">
        <h1 title={run.run_id}>
          {run.display_name ?? run.run_id}
          {run.number !== null && <span class="muted"> #{run.number}</span>}
        </h1>
        <Status status={run.status} />
        {run.cancel_requested_at && !ended && (
          <Badge tone="warn">cancel requested {moment(run.cancel_requested_at)}</Badge>
        )}
        <CompleteBadge />
        <span class="fill" />
        {attempts.length > 1 && (
          <Choice
            label="Attempt"
            value={parameter("attempt")}
            options={[
              ["", "latest of each step"],
              ["all", "all, by shade"],
              ...spoken.map((a) => [String(a), `attempt ${a}`] as const),
            ]}
            onChange={(chosen) => change({ attempt: chosen })}
          />
        )}
        {mayWrite && !ended && <Cancel />}
      </div>
      <dl class="run-facts">
        {run.experiment !== null && (
          <Fact name="Experiment">
            <a href={encode(to("runs", { q: [`experiment = ${JSON.stringify(run.experiment)}`] }))}>{run.experiment}</a>
          </Fact>
        )}
        {run.parent_run_id !== null && (
          <Fact name="Parent">
            <a href={encode(to("run", of.as_of === "" ? {} : { as_of: [of.as_of] }, run.parent_run_id))}>
              {run.parent_run_id}
            </a>
          </Fact>
        )}
        <Fact name="Run id">
          <code>{run.run_id}</code>
        </Fact>
        <Fact name="Started">{moment(run.started_at ?? run.created_at)}</Fact>
        {run.ended_at !== null && <Fact name="Ended">{moment(run.ended_at)}</Fact>}
        <Fact name="Duration">{duration(seconds(run.started_at, run.ended_at, now))}</Fact>
        {who !== null && (
          <Fact name="By" title={run.submitted_by === null ? "As the writer claims" : "As the submission claims"}>
            {who}
          </Fact>
        )}
        {run.attempt > 0 && <Fact name="Attempt">{run.attempt}</Fact>}
        {ranks.size > 1 && <Fact name="Ranks">{ranks.size}</Fact>}
        {run.target !== null && <Fact name="Target">{run.target}</Fact>}
        {run.run_type !== null && <Fact name="Type">{run.run_type}</Fact>}
        {run.heartbeat_at !== null && !ended && <Fact name="Last heartbeat">{moment(run.heartbeat_at)}</Fact>}
      </dl>
      <TagsLine />
      {run.description && <p class="run-description">{run.description}</p>}
      {run.status_reason && (
        <p class="run-note">
          <b>{run.status}:</b> {run.status_reason}
        </p>
      )}
      {run.error !== null && (
        <details class="run-note bad" open>
          <summary>
            <b>Error</b> <code>{run.error.code}</code> {firstLine(run.error.message)}
          </summary>
          {run.error.message?.includes("\n") && <pre>{run.error.message}</pre>}
        </details>
      )}
      {run.warnings.length > 0 && (
        <details class="run-note warn">
          <summary>
            <b>{run.warnings.length === 1 ? "A warning" : `${run.warnings.length} warnings`}</b>{" "}
            {firstLine(run.warnings[run.warnings.length - 1]?.message ?? "")}
          </summary>
          <ul>
            {run.warnings.map((warning, i) => (
              <li key={`${i}/${warning.source}`}>
                <code>{warning.source}</code> {warning.message}
                {run.attempt > 0 && <span class="muted"> (attempt {warning.attempt})</span>}
              </li>
            ))}
          </ul>
        </details>
      )}
      {stale !== null && (
        <p class="run-note bad" role="alert">
          {stale}
        </p>
      )}
    </header>
  );
}

function Fact({ name, title, children }: { name: string; title?: string; children: preact.ComponentChildren }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Cancel() {
  const { of } = useRun();
  const asking = useSignal(false);
  const reason = useSignal("");
  const sent = useSignal(false);
  const go = async (): Promise<void> => {
    sent.value = true;
    try {
      await cancel(of, reason.value.trim());
      say("Asked the run to end. It ends when its process hears it.");
      asking.value = false;
    } catch (error) {
      say(why(error), "bad");
    }
    sent.value = false;
  };
  return (
    <>
      <Button
        kind="danger"
        onClick={() => {
          asking.value = true;
        }}
      >
        Cancel run
      </Button>
      {asking.value && (
        <Dialog
          title="Cancel this run?"
          onClose={() => {
            asking.value = false;
          }}
        >
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void go();
            }}
          >
            <p class="hint">This states a fact, in your name, that its processes are to end. It stays on record.</p>
            <Field
              label="Reason (optional)"
              value={reason.value}
              onInput={(text) => {
                reason.value = text;
              }}
            />
            <div class="inline">
              <Button type="submit" kind="danger" disabled={sent.value}>
                Ask it to end
              </Button>
              <Button
                kind="quiet"
                onClick={() => {
                  asking.value = false;
                }}
              >
                Leave it running
              </Button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}

function useNow(ticks: boolean): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    if (!ticks) return undefined;
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 1000);
    return () => clearInterval(timer);
  }, [ticks, now]);
  return now.value;
}

function firstLine(text: string | null): string {
  const line = (text ?? "").trim().split("\n", 1)[0] ?? "";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** Is the ledger well? Lag per projector, dead letters, refusals, throughput, positions; looked at every few seconds. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { below, type DeadLetter, get, type Health, holds, type ProjectorLag, type Refusal, send } from "../../api";
import { Sparkline } from "../../charts/Sparkline";
import { count, duration, moment, short } from "../../charts/wording";
import { Badge, Button, say } from "../../parts";
import { Failure } from "../../shell/Failure";
import { encode, workspace as here, to } from "../../url";
import "./health.css";
import { History } from "./history";

const LOOK_MS = 3_000;
const POINTS_MAX = 200;
const LAG_WARN_S = 5;

export default function HealthView() {
  const workspace = here.value;
  const health = useSignal<Health | null>(null);
  const error = useSignal<unknown>(null);
  const history = useMemo(() => new History(POINTS_MAX), [workspace]);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const look = async () => {
      if (!document.hidden) {
        try {
          const answer = await get<Health>(below(workspace, "health"), {}, { signal: abort.signal });
          history.add(Date.now() / 1000, figures(answer));
          health.value = answer;
          error.value = null;
        } catch (caught) {
          if (abort.signal.aborted) return;
          error.value = caught;
        }
      }
      timer = window.setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [workspace, history, health, error]);
  const now = health.value;
  if (now === null)
    return error.value === null ? <p class="waiting" aria-busy="true" /> : <Failure error={error.value} />;
  const lag = worst(now.projectors);
  return (
    <section class="health" aria-label="Health">
      <div class="page">
        <h1>Health of {workspace}</h1>
        {error.value === null ? null : (
          <p class="error" role="alert">
            The latest look failed; what follows is older.
          </p>
        )}
        <div class="tiles">
          <Tile
            label="Lag"
            tone={lag === null ? "neutral" : lag > LAG_WARN_S ? "warn" : "good"}
            line={history.of("lag")}
          >
            {lag === null ? "nothing folded yet" : duration(lag)}
          </Tile>
          <Tile label="Throughput" line={history.of("throughput")}>
            {short(sum(now.throughput.map((topic) => topic.per_s)), 4)} events/s
          </Tile>
          <Tile label="Running runs" line={history.of("running")}>
            {count(now.runs.running)}
          </Tile>
          <Tile label="Not responding" tone={now.runs.not_responding > 0 ? "warn" : "good"}>
            {count(now.runs.not_responding)}
          </Tile>
          <Tile label="Started in the last hour">{count(now.runs.last_hour)}</Tile>
          <Tile label="Dead letters" tone={now.dead_letters.open > 0 ? "bad" : "good"}>
            {count(now.dead_letters.open)}
          </Tile>
          <Tile label="Refusals in the last hour" tone={now.refusals.last_hour > 0 ? "warn" : "good"}>
            {count(now.refusals.last_hour)}
          </Tile>
        </div>
        <Projectors projectors={now.projectors} history={history} />
        <Throughput health={now} history={history} />
        <DeadLetters workspace={workspace} health={now} />
        <Refusals refusals={now.refusals.latest} last_hour={now.refusals.last_hour} />
      </div>
    </section>
  );
}

function Tile({
  label,
  tone = "neutral",
  line,
  children,
}: {
  label: string;
  tone?: "neutral" | "good" | "warn" | "bad";
  line?: { readonly x: readonly number[]; readonly value: readonly (number | null)[] };
  children: ComponentChildren;
}) {
  return (
    <div class={`tile ${tone}`}>
      <p class="label">{label}</p>
      <p class="figure">{children}</p>
      {line === undefined || line.x.length < 2 ? null : (
        <Sparkline x={line.x} value={line.value} label={label} width={150} height={26} />
      )}
    </div>
  );
}

function Projectors({ projectors, history }: { projectors: readonly ProjectorLag[]; history: History }) {
  return (
    <section aria-labelledby="projectors">
      <h2 id="projectors">Projectors</h2>
      <Plain
        heads={[
          "projector",
          "topic",
          "partition",
          "next offset",
          "end of the log",
          "behind",
          "lag",
          "last minutes",
          "reported",
        ]}
      >
        {projectors.map((one) => {
          const key = lagKey(one);
          const line = history.of(key);
          const behind = Math.max(0, one.end_offset - one.next_offset);
          return (
            <tr key={key}>
              <td>{one.projector}</td>
              <td class="mono">{one.topic}</td>
              <td class="num">{one.partition}</td>
              <td class="num">{count(one.next_offset)}</td>
              <td class="num">{count(one.end_offset)}</td>
              <td class="num">{count(behind)}</td>
              <td class="num">{one.lag_s === null ? "–" : duration(one.lag_s)}</td>
              <td>
                {line.x.length < 2 ? null : (
                  <Sparkline x={line.x} value={line.value} label={`lag of ${one.projector}`} width={110} height={18} />
                )}
              </td>
              <td>{moment(one.observed_at)}</td>
            </tr>
          );
        })}
      </Plain>
    </section>
  );
}

function Throughput({ health, history }: { health: Health; history: History }) {
  return (
    <section aria-labelledby="throughput">
      <h2 id="throughput">Throughput</h2>
      <Plain heads={["topic", "events/s", "last minutes"]}>
        {health.throughput.map((one) => {
          const line = history.of(`topic ${one.topic}`);
          return (
            <tr key={one.topic}>
              <td class="mono">{one.topic}</td>
              <td class="num">{short(one.per_s, 4)}</td>
              <td>
                {line.x.length < 2 ? null : (
                  <Sparkline x={line.x} value={line.value} label={one.topic} width={160} height={18} />
                )}
              </td>
            </tr>
          );
        })}
      </Plain>
    </section>
  );
}

function DeadLetters({ workspace, health }: { workspace: string; health: Health }) {
  const { poison, parked, open, latest } = health.dead_letters;
  const admin = holds(workspace, "admin");
  return (
    <section aria-labelledby="dead-letters">
      <h2 id="dead-letters">Dead letters</h2>
      <p class="hint">
        {count(poison)} poison (broken records), {count(parked)} parked (their schema is unknown yet),{" "}
        {count(poison + parked - open)} of them sent again; the latest {count(latest.length)} of{" "}
        {count(poison + parked)}.
      </p>
      {latest.length === 0 ? null : (
        <Plain heads={["topic", "partition", "offset", "kind", "reason", ...(admin ? ["retry"] : [])]}>
          {latest.map((one) => (
            <tr key={`${one.topic} ${one.partition} ${one.offset}`}>
              <td class="mono">{one.topic}</td>
              <td class="num">{one.partition}</td>
              <td class="num">{count(one.offset)}</td>
              <td>
                <Badge tone={one.kind === "poison" ? "bad" : "warn"}>{one.kind ?? "–"}</Badge>
              </td>
              <td>{one.reason ?? ""}</td>
              {admin ? (
                <td>
                  {one.retried_at === null ? (
                    <Button
                      small
                      label={`Retry offset ${one.offset} of partition ${one.partition}`}
                      onClick={() => void retry(workspace, one)}
                    >
                      retry
                    </Button>
                  ) : (
                    <span title={moment(one.retried_at)}>sent again by {one.retried_by}</span>
                  )}
                </td>
              ) : null}
            </tr>
          ))}
        </Plain>
      )}
    </section>
  );
}

function Refusals({ refusals, last_hour }: { refusals: readonly Refusal[]; last_hour: number }) {
  return (
    <section aria-labelledby="refusals">
      <h2 id="refusals">Refusals</h2>
      <p class="hint">
        {count(last_hour)} in the last hour; the latest {count(refusals.length)}.
      </p>
      {refusals.length === 0 ? null : (
        <Plain heads={["at", "run", "rule", "key", "kept", "refused", "offset"]}>
          {refusals.map((one) => (
            <tr key={`${one.run_id} ${one.offset}`}>
              <td>{moment(one.at)}</td>
              <td>
                <a href={encode(to("run", { tab: ["events"] }, one.run_id))} class="mono">
                  {one.run_id.length > 12 ? `${one.run_id.slice(0, 8)}…` : one.run_id}
                </a>
              </td>
              <td>{one.rule}</td>
              <td class="mono">{one.key ?? ""}</td>
              <td>{one.kept ?? ""}</td>
              <td>{one.refused ?? ""}</td>
              <td class="num">{count(one.offset)}</td>
            </tr>
          ))}
        </Plain>
      )}
    </section>
  );
}

function Plain({ heads, children }: { heads: readonly string[]; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <div class="plain" tabIndex={0} role="group" aria-label={`Table: ${heads.join(", ")}`}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

async function retry(workspace: string, one: DeadLetter): Promise<void> {
  try {
    await send("POST", below(workspace, "deadletters", one.topic, String(one.partition), String(one.offset), "retry"));
    say(`A new event refers to offset ${one.offset}: it is decided as any other.`);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
  }
}

function figures(health: Health): Record<string, number | null> {
  return {
    lag: worst(health.projectors),
    throughput: sum(health.throughput.map((topic) => topic.per_s)),
    running: health.runs.running,
    ...Object.fromEntries(health.projectors.map((one) => [lagKey(one), one.lag_s])),
    ...Object.fromEntries(health.throughput.map((one) => [`topic ${one.topic}`, one.per_s])),
  };
}

function worst(projectors: readonly ProjectorLag[]): number | null {
  const lags = projectors.flatMap((one) => (one.lag_s === null ? [] : [one.lag_s]));
  return lags.length === 0 ? null : Math.max(...lags);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function lagKey(one: ProjectorLag): string {
  return `${one.projector} ${one.topic} ${one.partition}`;
}

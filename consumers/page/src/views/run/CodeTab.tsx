/** What ran: code, where it came from, how it was submitted, on what, with which data, by which processes. */

import { count, moment } from "../../charts/wording";
import { Badge } from "../../parts";
import { SnapshotFiles } from "./SnapshotFiles";
import { useRun } from "./state";

const GIT: readonly (readonly [string, string])[] = [
  ["azureml.git.repository_uri", "Repository"],
  ["azureml.git.branch", "Branch"],
  ["azureml.git.commit", "Commit"],
  ["azureml.git.dirty", "Uncommitted changes"],
];

export function CodeTab() {
  const { of, run } = useRun();
  const git = GIT.flatMap(([key, name]) =>
    run.properties[key] ? [[name, run.properties[key] as string] as const] : [],
  );
  return (
    <div class="code-tab">
      <section class="pad">
        <h2>Code</h2>
        <dl class="pairs">
          <Pair name="Snapshot">
            {run.snapshot_id === null ? <i class="muted">none was taken</i> : <code>{run.snapshot_id}</code>}
          </Pair>
          {run.snapshot_directory !== null && <Pair name="Of directory">{run.snapshot_directory}</Pair>}
          {git.map(([name, value]) => (
            <Pair key={name} name={name}>
              {name === "Uncommitted changes" ? (
                <Badge tone={value === "True" ? "warn" : "neutral"}>{value === "True" ? "yes" : value}</Badge>
              ) : (
                <code>{value}</code>
              )}
            </Pair>
          ))}
          {git.length === 0 && <Pair name="Git">{<i class="muted">the source was no git checkout</i>}</Pair>}
          {run.outputs !== null && <Pair name="Outputs directory">{run.outputs}</Pair>}
          {run.job_folder !== null && (
            <Pair name="Job folder">
              <code>{run.job_folder}</code>
            </Pair>
          )}
        </dl>
        {run.snapshot_id !== null && (
          <p class="hint">
            <code>run.restore_snapshot()</code> gives its files as a ZIP.
          </p>
        )}
      </section>
      {run.snapshot_id !== null && (
        <section class="code-files">
          <h2 class="pad">Files of the snapshot</h2>
          <SnapshotFiles workspace={of.workspace} id={run.snapshot_id} />
        </section>
      )}
      <section class="pad">
        <h2>
          Processes <span class="muted">{count(run.writers.length)}</span>
        </h2>
        <table class="facts">
          <thead>
            <tr>
              <th scope="col">writer</th>
              <th scope="col">actor</th>
              <th scope="col">host</th>
              <th scope="col" class="num">
                pid
              </th>
              <th scope="col" class="num">
                rank
              </th>
              <th scope="col" class="num">
                attempt
              </th>
              <th scope="col">opened</th>
            </tr>
          </thead>
          <tbody>
            {run.writers.slice(0, 500).map((writer) => (
              <tr key={writer.writer_id}>
                <th scope="row" class="mono">
                  {writer.writer_id.slice(0, 12)}
                  {writer.outsider && <Badge tone="warn">outsider</Badge>}
                </th>
                <td>{writer.actor ?? "–"}</td>
                <td>{writer.host ?? "–"}</td>
                <td class="num">{writer.pid ?? "–"}</td>
                <td class="num">
                  {writer.rank === null
                    ? "–"
                    : `${writer.rank}${writer.world_size === null ? "" : ` of ${writer.world_size}`}`}
                </td>
                <td class="num">{writer.attempt ?? "–"}</td>
                <td>{moment(writer.opened_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {run.writers.length > 500 && <p class="hint">The first 500; the completeness tab has all.</p>}
        <p class="hint">As each claims of itself.</p>
      </section>
      {run.datasets.length > 0 && (
        <section class="pad">
          <h2>Data</h2>
          <table class="facts">
            <thead>
              <tr>
                <th scope="col">name</th>
                <th scope="col">direction</th>
                <th scope="col">dataset</th>
                <th scope="col">mechanism</th>
                <th scope="col">path on compute</th>
              </tr>
            </thead>
            <tbody>
              {run.datasets.map((link, i) => (
                <tr key={i}>
                  <th scope="row">{link.name}</th>
                  <td>{link.direction}</td>
                  <td>
                    {link.dataset_name ?? link.dataset_id}
                    {link.dataset_version !== null && `:${link.dataset_version}`}
                  </td>
                  <td>{link.mechanism ?? "–"}</td>
                  <td>{link.path_on_compute ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {run.definition !== null && (
        <section class="pad">
          <h2>Definition</h2>
          <pre
            class="raw"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it
            tabIndex={0}
          >
            {JSON.stringify(run.definition, null, 2)}
          </pre>
        </section>
      )}
    </div>
  );
}

function Pair({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

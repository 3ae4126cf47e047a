/** Tags, which change; properties, which never do: with the refused attempts to change them, and corrections beside them. */

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { csv, fileName, save } from "../../charts/exporting";
import { count } from "../../charts/wording";
import { Badge, Button, Dialog, Field, say } from "../../parts";
import { change, parameter } from "../../url";
import { type Correction, correct, type Decision, refusedProperties } from "./api";
import { useAsked, why } from "./asking";
import { tickOf, useRun } from "./state";
import { TagsLine } from "./TagsLine";

interface Attempted {
  readonly refused: string | null;
  readonly rule: string;
  readonly offset: number;
  readonly writer_id: string | null;
}

export function PropertiesTab() {
  const state = useRun();
  const { of, run, mayWrite } = state;
  const asked = useAsked(JSON.stringify(of), tickOf(state, "decisions", "facts", "properties"), (aborted) =>
    refusedProperties(of, { signal: aborted }),
  );
  const refused = useMemo(() => refusedByKey(asked.value.data ?? []), [asked.value.data]);
  const corrections = useMemo(() => correctionsByKey(run.corrections), [run.corrections]);
  const correcting = useSignal<string | null>(null);
  const q = parameter("properties_q").toLowerCase();
  const shown = Object.entries(run.properties).filter(([key, value]) =>
    `${key} ${value ?? ""}`.toLowerCase().includes(q),
  );
  const strays = [...refused.entries()].filter(([key]) => !(key in run.properties));
  return (
    <div class="properties-tab">
      <section class="pad" aria-label="Tags">
        <h2>
          Tags <span class="muted">{count(Object.keys(run.tags).length)}</span>
        </h2>
        {Object.keys(run.tags).length === 0 && (
          <p class="hint">None. Tags may be set, changed and removed at any time.</p>
        )}
        <TagsLine />
      </section>
      <section aria-label="Properties">
        <div class="controls">
          <h2>
            Properties <span class="muted">{count(Object.keys(run.properties).length)}</span>
          </h2>
          <Field
            label="Search properties"
            hidesLabel
            type="search"
            placeholder="Search"
            value={parameter("properties_q")}
            onInput={(text) => change({ properties_q: text }, { replace: true })}
          />
          <span class="muted">The first value of a property stays for good.</span>
          <span class="fill" />
          <Button
            small
            onClick={() =>
              save(
                fileName(`${of.run_id}_properties`, "csv"),
                csv(["property", "value"], Object.entries(run.properties)),
              )
            }
          >
            csv
          </Button>
        </div>
        {asked.value.error !== null && <p class="error pad">{asked.value.error}</p>}
        <table class="facts properties">
          <thead>
            <tr>
              <th scope="col">property</th>
              <th scope="col">value</th>
              {mayWrite && (
                <th scope="col">
                  <span class="unseen">actions</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {shown.map(([key, value]) => (
              <tr key={key} data-property={key}>
                <th scope="row">{key}</th>
                <td>
                  <span class="property-value">{value ?? <i class="muted">None</i>}</span>
                  {(corrections.get(key) ?? []).map((correction, i) => (
                    <p class="property-correction" key={i}>
                      <Badge tone="warn">corrected</Badge> should have been <b>{correction.value ?? "None"}</b>
                      {correction.reason ? <>: {correction.reason}</> : null}
                    </p>
                  ))}
                  <RefusedList of={refused.get(key) ?? []} />
                </td>
                {mayWrite && (
                  <td>
                    <Button
                      small
                      kind="quiet"
                      onClick={() => {
                        correcting.value = key;
                      }}
                      label={`Correct ${key}`}
                    >
                      correct
                    </Button>
                  </td>
                )}
              </tr>
            ))}
            {strays.map(([key, of_key]) => (
              <tr key={`refused ${key}`} data-property={key}>
                <th scope="row">{key}</th>
                <td>
                  <i class="muted">not a property</i>
                  <RefusedList of={of_key} />
                </td>
                {mayWrite && <td />}
              </tr>
            ))}
          </tbody>
        </table>
        {Object.keys(run.properties).length === 0 && strays.length === 0 && <p class="hint pad">No properties.</p>}
      </section>
      {correcting.value !== null && (
        <CorrectDialog
          property={correcting.value}
          onClose={() => {
            correcting.value = null;
          }}
        />
      )}
    </div>
  );
}

function RefusedList({ of }: { of: readonly Attempted[] }) {
  if (of.length === 0) return null;
  return (
    <ul class="refused">
      {of.map((attempt) => (
        <li key={`${attempt.offset} ${attempt.refused}`}>
          <Badge tone="bad">refused</Badge> <b>{attempt.refused ?? "None"}</b>{" "}
          <span class="muted">
            by rule {attempt.rule} at offset {count(attempt.offset)}
            {attempt.writer_id === null ? "" : `, writer ${attempt.writer_id.slice(0, 8)}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

function CorrectDialog({ property, onClose }: { property: string; onClose: () => void }) {
  const { of, run } = useRun();
  const value = useSignal(run.properties[property] ?? "");
  const reason = useSignal("");
  const sent = useSignal(false);
  const error = useSignal<string | null>(null);
  return (
    <Dialog title={`Correct ${property}`} onClose={onClose}>
      <form
        class="stack"
        onSubmit={async (event) => {
          event.preventDefault();
          if (reason.value.trim() === "") {
            error.value = "A correction needs a reason.";
            return;
          }
          sent.value = true;
          try {
            await correct(of, property, value.value, reason.value.trim());
            say("Stated. The correction appears when it is folded.");
            onClose();
          } catch (problem) {
            error.value = why(problem);
          }
          sent.value = false;
        }}
      >
        <p class="hint">
          The property keeps its value. A correction stands beside it, with your name and reason, for good.
        </p>
        <Field
          label="What it should have been"
          value={value.value}
          onInput={(text) => {
            value.value = text;
          }}
        />
        <Field
          label="Reason"
          required
          value={reason.value}
          error={error.value}
          onInput={(text) => {
            reason.value = text;
          }}
        />
        <div class="inline">
          <Button type="submit" kind="primary" disabled={sent.value}>
            State the correction
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Leave it
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function correctionsByKey(all: readonly Correction[]): ReadonlyMap<string, readonly Correction[]> {
  const by = new Map<string, Correction[]>();
  for (const correction of all) by.set(correction.key, [...(by.get(correction.key) ?? []), correction]);
  return by;
}

/** Refused attempts by key, in the order of the log. */
export function refusedByKey(all: readonly Decision[]): Map<string, Attempted[]> {
  const by = new Map<string, Attempted[]>();
  for (const decision of all) {
    if (decision.event !== "PropertyAdded") continue;
    for (const { key, rule, refused } of decision.refusals)
      by.set(key, [...(by.get(key) ?? []), { refused, rule, offset: decision.offset, writer_id: decision.writer_id }]);
  }
  return by;
}

/** Tags, and a way to change them where one may. A change is a fact: it appears when it is folded. */

import { useSignal } from "@preact/signals";
import { Button, Dialog, Field, say } from "../../parts";
import { tag } from "./api";
import { why } from "./asking";
import { useRun } from "./state";

export function TagsLine() {
  const { run, mayWrite } = useRun();
  const editing = useSignal(false);
  const tags = Object.entries(run.tags);
  if (tags.length === 0 && !mayWrite) return null;
  return (
    <div class="run-tags">
      {tags.map(([key, value]) => (
        <span class="tag" key={key}>
          <span class="tag-key">{key}</span>
          {value !== null && <span class="tag-value">{value}</span>}
        </span>
      ))}
      {mayWrite && (
        <Button
          kind="quiet"
          small
          onClick={() => {
            editing.value = true;
          }}
        >
          {tags.length === 0 ? "Add a tag" : "Edit tags"}
        </Button>
      )}
      {editing.value && (
        <TagsDialog
          onClose={() => {
            editing.value = false;
          }}
        />
      )}
    </div>
  );
}

function TagsDialog({ onClose }: { onClose: () => void }) {
  const { of, run } = useRun();
  const rows = useSignal(
    Object.entries(run.tags).map(([key, value]) => ({ key, value: value ?? "", old: key as string | null })),
  );
  const sent = useSignal(false);
  const edit = (at: number, field: "key" | "value", text: string): void => {
    rows.value = rows.value.map((row, i) => (i === at ? { ...row, [field]: text } : row));
  };
  const save = async (): Promise<void> => {
    const wanted = new Map(rows.value.filter((row) => row.key.trim() !== "").map((row) => [row.key.trim(), row.value]));
    const tags: Record<string, string | null> = {};
    for (const key of Object.keys(run.tags)) if (!wanted.has(key)) tags[key] = null;
    for (const [key, value] of wanted) if (!(key in run.tags) || (run.tags[key] ?? "") !== value) tags[key] = value;
    if (Object.keys(tags).length === 0) return onClose();
    sent.value = true;
    try {
      await tag(of, tags);
      say("Stated. The tags change when it is folded.");
      onClose();
    } catch (error) {
      say(why(error), "bad");
    }
    sent.value = false;
  };
  return (
    <Dialog title="Tags" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {rows.value.map((row, i) => (
          <div class="inline" key={i}>
            <Field
              label={`Key of tag ${i + 1}`}
              hidesLabel
              placeholder="key"
              value={row.key}
              onInput={(text) => edit(i, "key", text)}
            />
            <Field
              label={`Value of tag ${i + 1}`}
              hidesLabel
              placeholder="value"
              value={row.value}
              onInput={(text) => edit(i, "value", text)}
            />
            <Button
              kind="quiet"
              small
              label={`Remove tag ${row.key || i + 1}`}
              onClick={() => {
                rows.value = rows.value.filter((_, at) => at !== i);
              }}
            >
              ×
            </Button>
          </div>
        ))}
        <div class="inline">
          <Button
            small
            onClick={() => {
              rows.value = [...rows.value, { key: "", value: "", old: null }];
            }}
          >
            Another tag
          </Button>
          <span class="fill" />
          <Button kind="quiet" onClick={onClose}>
            Leave as it is
          </Button>
          <Button type="submit" kind="primary" disabled={sent.value}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

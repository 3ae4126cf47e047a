/** Views under names of one's own, kept in the browser. A view is its address, so a link shares it as well. */

import { signal, useSignal } from "@preact/signals";
import { Button, Field, Menu, say } from "../../parts";
import { decodeParameters, encodeParameters, go, place } from "../../url";

const KEPT = "runfold.views";
type Saved = Readonly<Record<string, Readonly<Record<string, string>>>>;
const saved = signal<Saved>(kept());

export function SavedViews({ workspace }: { workspace: string }) {
  return (
    <Menu label="Views" align="end">
      {(close) => <Panel workspace={workspace} close={close} />}
    </Menu>
  );
}

function Panel({ workspace, close }: { workspace: string; close: () => void }) {
  const name = useSignal("");
  const mine = saved.value[workspace] ?? {};
  const keep = (views: Readonly<Record<string, string>>) => {
    saved.value = { ...saved.value, [workspace]: views };
    localStorage.setItem(KEPT, JSON.stringify(saved.value));
  };
  return (
    <div class="views">
      {Object.keys(mine).length === 0 ? (
        <p class="hint">None saved yet. The address holds the whole view, too.</p>
      ) : null}
      <ul>
        {Object.entries(mine)
          .sort(([a], [b]) => a.localeCompare(b))
          .map(([title, query]) => (
            <li key={title}>
              <button
                type="button"
                class="offer"
                onClick={() => {
                  go({ view: "runs", workspace, run: "", parameters: decodeParameters(query) });
                  close();
                }}
              >
                {title}
              </button>
              <Button
                kind="quiet"
                small
                label={`Forget the view ${title}`}
                onClick={() => {
                  const { [title]: _, ...others } = mine;
                  keep(others);
                }}
              >
                ×
              </Button>
            </li>
          ))}
      </ul>
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          const title = name.value.trim();
          if (title === "") return;
          keep({ ...mine, [title]: encodeParameters(place.peek().parameters) });
          say(`The view "${title}" is saved in this browser.`);
          close();
        }}
      >
        <Field
          label="Name of this view"
          hidesLabel
          placeholder="Name of this view"
          value={name.value}
          onInput={(value) => {
            name.value = value;
          }}
        />
        <Button type="submit" disabled={name.value.trim() === ""}>
          Save
        </Button>
      </form>
    </div>
  );
}

function kept(): Saved {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Saved;
  } catch {
    return {};
  }
}

/** Chooses a ref by typing: fields, tags, properties and metrics that there are. */

import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { searchColumns } from "../../api";

export function RefPicker({
  workspace,
  label,
  value,
  onChange,
}: {
  workspace: string;
  label: string;
  value: string;
  onChange: (ref: string) => void;
}) {
  const id = useId();
  const text = useSignal(value);
  const found = useSignal<readonly string[]>([]);
  const before = useRef(value);
  useEffect(() => {
    if (text.peek() === before.current) text.value = value; // what somebody is typing stays
    before.current = value;
  }, [value, text]);
  const look = (prefix: string) => {
    searchColumns(workspace, { prefix, limit: 30 })
      .then((columns) => {
        found.value = columns.map((column) => column.ref);
      })
      .catch(() => undefined);
  };
  const apply = () => {
    const ref = text.value.trim();
    if (ref !== value && ref !== "") onChange(ref);
  };
  return (
    <div class="field inline">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="mono"
        list={`${id}-found`}
        value={text.value}
        autoComplete="off"
        spellcheck={false}
        onFocus={() => look("")}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          if (found.value.includes(text.value)) apply();
          else look(text.value);
        }}
        onChange={apply}
        onKeyDown={(event) => {
          if (event.key === "Enter") apply();
        }}
      />
      <datalist id={`${id}-found`}>
        {found.value.map((ref) => (
          <option key={ref} value={ref} />
        ))}
      </datalist>
    </div>
  );
}

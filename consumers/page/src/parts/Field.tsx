import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Native {
  type?: "text" | "password" | "search" | "number";
  placeholder?: string;
  autoComplete?: string;
  spellcheck?: boolean;
  required?: boolean;
  onKeyDown?: (event: KeyboardEvent) => void;
}

/** A labelled input. `error` is read out with it. */
export function Field({
  label,
  hint,
  error,
  hidesLabel = false,
  value,
  onInput,
  ...native
}: Native & {
  label: string;
  hint?: ComponentChildren;
  error?: string | null;
  hidesLabel?: boolean;
  value: string;
  onInput: (value: string) => void;
}) {
  const id = useId();
  const told = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div class="field">
      <label for={id} class={hidesLabel ? "unseen" : undefined}>
        {label}
      </label>
      <input
        id={id}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        aria-invalid={error ? true : undefined}
        aria-describedby={told}
        {...(native as object)}
      />
      {error ? (
        <p class="error" id={`${id}-error`} role="alert">
          {error}
        </p>
      ) : hint ? (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      ) : null}
    </div>
  );
}

/** A labelled choice among few. */
export function Choice({
  label,
  options,
  value,
  onChange,
  hidesLabel = false,
}: {
  label: string;
  options: readonly (readonly [value: string, shown: string])[];
  value: string;
  onChange: (value: string) => void;
  hidesLabel?: boolean;
}) {
  const id = useId();
  return (
    <div class="field inline">
      <label for={id} class={hidesLabel ? "unseen" : undefined}>
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([option, shown]) => (
          <option key={option} value={option}>
            {shown}
          </option>
        ))}
      </select>
    </div>
  );
}

import type { ComponentChildren, JSX } from "preact";

type Native = Omit<JSX.IntrinsicElements["button"], "class" | "label">;

/** A button. `label` names it where the content is an icon only. */
export function Button({
  kind = "plain",
  small = false,
  pressed,
  label,
  children,
  ...native
}: Native & {
  kind?: "plain" | "primary" | "quiet" | "danger";
  small?: boolean;
  pressed?: boolean | undefined;
  label?: string;
  children?: ComponentChildren;
}) {
  return (
    <button
      type="button"
      class={`button ${kind}${small ? " small" : ""}`}
      aria-pressed={pressed}
      aria-label={label}
      title={label}
      {...native}
    >
      {children}
    </button>
  );
}

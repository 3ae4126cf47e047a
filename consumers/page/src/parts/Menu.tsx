import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

/** A button that opens a small panel below it; escape and a click elsewhere close it, and the focus comes back. */
export function Menu({
  label,
  button,
  kind = "plain",
  align = "start",
  children,
}: {
  label: string;
  button?: ComponentChildren;
  kind?: "plain" | "quiet";
  align?: "start" | "end";
  children: (close: () => void) => ComponentChildren;
}) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    opener.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    root.current?.querySelector<HTMLElement>(".panel :is(input, select, button, a[href])")?.focus();
    const elsewhere = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [open]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: escape is heard from whatever is inside
    <div
      class="menu"
      ref={root}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={opener}
        type="button"
        class={`button ${kind}`}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={button === undefined ? undefined : label}
        title={button === undefined ? undefined : label}
        onClick={() => setOpen(!open)}
      >
        {button ?? label}
      </button>
      {open ? (
        <div class={`panel ${align}`} id={id} role="dialog" aria-label={label}>
          {children(close)}
        </div>
      ) : null}
    </div>
  );
}

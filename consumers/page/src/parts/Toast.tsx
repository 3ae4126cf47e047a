import { signal } from "@preact/signals";

interface Said {
  readonly id: number;
  readonly tone: "plain" | "bad";
  readonly text: string;
}

const said = signal<readonly Said[]>([]);
const SHOWN_MS = 6_000;
let last = 0;

/** Says something in the corner for some seconds, to screen readers too. */
export function say(text: string, tone: Said["tone"] = "plain"): void {
  const id = ++last;
  said.value = [...said.value.slice(-3), { id, tone, text }];
  setTimeout(() => {
    said.value = said.value.filter((one) => one.id !== id);
  }, SHOWN_MS);
}

/** Where toasts appear; once, in the shell. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {said.value.map((one) => (
        <p key={one.id} class={`toast ${one.tone}`}>
          {one.text}
        </p>
      ))}
    </div>
  );
}

import type { ComponentChildren } from "preact";

export type Tone = "neutral" | "good" | "live" | "warn" | "bad";

const TONES: Readonly<Record<string, Tone>> = {
  Completed: "good",
  Failed: "bad",
  Canceled: "neutral",
  Running: "live",
  Starting: "live",
  Preparing: "live",
  Queued: "live",
  Provisioning: "live",
  Finalizing: "live",
  CancelRequested: "warn",
  NotResponding: "warn",
  Paused: "warn",
};

/** The tone of a run's status. */
export function toneOf(status: string): Tone {
  return TONES[status] ?? "neutral";
}

export function Badge({
  tone = "neutral",
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

/** A status as a dot and its word: never by colour alone. */
export function Status({ status }: { status: string }) {
  return (
    <span class={`status ${toneOf(status)}`}>
      <span class="dot" aria-hidden="true" />
      {status}
    </span>
  );
}

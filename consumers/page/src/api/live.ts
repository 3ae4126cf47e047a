/**
 * What changes in a workspace, as it changes: one stream of server-sent events for the whole page, whoever listens.
 *
 * It resumes after the last id that was seen, so nothing is missed over a reconnect; while the tab is hidden there is no
 * stream (browsers allow six connections to a server, over all tabs), and what came meanwhile is told when it is seen again.
 */

import { signal } from "@preact/signals";
import { below, get } from "./client";
import type { Changes } from "./types";

export type Listener = (changes: Changes) => void;

/** Whether the stream is up: "live", "waiting" for a connection, or "off" where nobody listens. */
export const liveness = signal<"live" | "waiting" | "off">("off");

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

class Stream {
  private readonly listeners = new Set<Listener>();
  private source: EventSource | null = null;
  private after = "";
  private retry_ms = FIRST_RETRY_MS;
  private timer = 0;

  constructor(
    private readonly workspace: string,
    private before: Promise<string> | null,
  ) {}

  add(listener: Listener): () => void {
    this.listeners.add(listener);
    if (this.source === null) this.open();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.close("off");
    };
  }

  follow(visible: boolean): void {
    if (!visible) this.close("waiting");
    else if (this.source === null && this.listeners.size > 0) this.open();
  }

  private open(): void {
    clearTimeout(this.timer);
    if (document.hidden) return;
    liveness.value = "waiting";
    if (this.before !== null) {
      void this.before.then((watermark) => {
        this.before = null;
        this.after ||= watermark;
        if (this.source === null && this.listeners.size > 0) this.open();
      });
      return;
    }
    const query = this.after === "" ? "" : `?after=${encodeURIComponent(this.after)}`;
    const source = new EventSource(below(this.workspace, "changes") + query);
    this.source = source;
    source.addEventListener("here", (event) => this.seen(event as MessageEvent<string>));
    source.addEventListener("changes", (event) => {
      this.seen(event as MessageEvent<string>);
      const changes = JSON.parse((event as MessageEvent<string>).data) as Changes;
      for (const listener of [...this.listeners]) listener(changes);
    });
    source.addEventListener("reset", (event) => {
      this.seen(event as MessageEvent<string>);
      for (const listener of [...this.listeners]) listener({ runs: {}, experiments: [], more: false, reset: true });
    });
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      // The browser's own retry would keep the first `after`; ours resumes where we are, and backs off.
      this.close("waiting");
      this.timer = window.setTimeout(() => void this.again(), this.retry_ms);
      this.retry_ms = Math.min(this.retry_ms * 2, LAST_RETRY_MS);
    });
  }

  /** A stream says not why it was refused. Where the session has run out, this asks for a sign-in and waits for it. */
  private async again(): Promise<void> {
    await get("/v1/session").catch(() => undefined);
    if (this.source === null && this.listeners.size > 0) this.open();
  }

  private seen(event: MessageEvent<string>): void {
    this.after = event.lastEventId || this.after;
    this.retry_ms = FIRST_RETRY_MS;
    liveness.value = "live";
  }

  private close(state: "waiting" | "off"): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    liveness.value = state;
  }
}

const streams = new Map<string, Stream>();
const begun = new Map<string, Promise<string>>();

/** What was asked ahead of the view that shows it is followed from its own watermark on, so that nothing between is missed. */
export function followFrom(workspace: string, answer: Promise<{ watermark: string }>): void {
  if (streams.has(workspace)) return;
  begun.set(
    workspace,
    answer.then(
      (told) => told.watermark,
      () => "",
    ),
  );
}

/** Calls `listener` with each difference of a workspace, until the function that it returns is called. */
export function changesOf(workspace: string, listener: Listener): () => void {
  let stream = streams.get(workspace);
  if (stream === undefined) {
    stream = new Stream(workspace, begun.get(workspace) ?? null);
    streams.set(workspace, stream);
  }
  return stream.add(listener);
}

document.addEventListener("visibilitychange", () => {
  for (const stream of streams.values()) stream.follow(!document.hidden);
});

/** Colours and font of charts, read from the page's CSS variables, and read again when the theme changes. */

import { signal } from "@preact/signals";
import type { Look } from "./options";

function read(): Look {
  const style = getComputedStyle(document.documentElement);
  const variable = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  return {
    text: variable("--ink", "#1d2327"),
    muted: variable("--muted", "#5c666d"),
    grid: variable("--grid", "#eceded"),
    background: variable("--paper", "#ffffff"),
    font: variable("--font", "system-ui, sans-serif"),
  };
}

/** The look now; charts redraw when it changes. */
export const look = signal<Look>({ text: "#000", muted: "#444", grid: "#ddd", background: "#fff", font: "sans-serif" });

if (typeof document !== "undefined") {
  const again = (): void => {
    look.value = read();
  };
  queueMicrotask(again);
  addEventListener("load", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributes: true });
}

/** The place that is shown, as a signal; whoever changes it changes the address, and the other way round. */

import { computed, signal } from "@preact/signals";
import { decode, encode, type Parameters, type Place } from "./codec";

const here = signal<Place>(decode(location.pathname + location.search));

/** Where the page is. */
export const place = computed(() => here.value);
/** Its workspace; empty before one is chosen. */
export const workspace = computed(() => here.value.workspace);

/** Goes to a place. `replace` leaves no entry in the history: for what changes while typing, zooming, scrolling. */
export function go(target: Place, { replace = false }: { replace?: boolean } = {}): void {
  const address = encode(target);
  if (address !== location.pathname + location.search) {
    history[replace ? "replaceState" : "pushState"](null, "", address);
  }
  here.value = target;
}

/** A view of the current workspace, such as `to("run", {}, runId)`. */
export function to(view: Place["view"], parameters: Parameters = {}, run = ""): Place {
  return { view, workspace: here.peek().workspace, run, parameters };
}

/** Changes some parameters of the current view; null removes one. */
export function change(
  changes: Record<string, readonly string[] | string | null>,
  options?: { replace?: boolean },
): void {
  const parameters: Record<string, readonly string[]> = { ...here.peek().parameters };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value.length === 0) delete parameters[name];
    else parameters[name] = typeof value === "string" ? [value] : value;
  }
  go({ ...here.peek(), parameters }, options);
}

/** First value of a parameter, or the default where it is absent. */
export function parameter(name: string, otherwise = ""): string {
  return here.value.parameters[name]?.[0] ?? otherwise;
}

/** All values of a parameter. */
export function parameters(name: string): readonly string[] {
  return here.value.parameters[name] ?? [];
}

/** Follows back and forward, and clicks on links of the page itself. Called once, by main. */
export function listen(): void {
  addEventListener("popstate", () => {
    here.value = decode(location.pathname + location.search);
  });
  document.addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || !isPlain(event)) return;
    if (link.origin !== location.origin || link.target !== "" || link.hasAttribute("download")) return;
    if (link.pathname.startsWith("/v1/") || link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    go(decode(link.pathname + link.search));
  });
}

function isPlain(event: MouseEvent): boolean {
  return event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
}

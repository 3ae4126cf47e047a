/** Light or dark: the system's, or one's own choice, kept in the browser. */

import { effect, signal } from "@preact/signals";

export type Choice = "system" | "light" | "dark";

const KEPT = "runfold.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);

/** What was chosen. */
export const choice = signal<Choice>(kept());
/** What is shown, by choice or system. Charts redraw on it. */
export const theme = signal<"light" | "dark">("light");

/** Keeps the document's theme in step; called once, by main. */
export function followTheme(): void {
  system.addEventListener("change", () => {
    systemIsDark.value = system.matches;
  });
  effect(() => {
    const dark = choice.value === "dark" || (choice.value === "system" && systemIsDark.value);
    theme.value = dark ? "dark" : "light";
    document.documentElement.dataset["theme"] = theme.value;
    if (choice.value === "system") localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, choice.value);
  });
}

function kept(): Choice {
  const text = localStorage.getItem(KEPT);
  return text === "light" || text === "dark" ? text : "system";
}

import { useEffect } from "preact/hooks";
import { liveness, session, signOut } from "../api";
import { Button, Choice, Menu, say } from "../parts";
import { encode, go, place, type View, workspace } from "../url";
import { choice, type Choice as Theme } from "./theme";

const VIEWS: readonly (readonly [View, string])[] = [
  ["runs", "Runs"],
  ["experiments", "Experiments"],
  ["health", "Health"],
];

export function Header() {
  const { view } = place.value;
  const here = workspace.value;
  useEffect(() => {
    if (here !== "") localStorage.setItem("runfold.workspace", here);
  }, [here]);
  const reached = session.value?.workspaces ?? [];
  return (
    <header class="header">
      <a
        class="mark"
        href={encode({ view: "runs", workspace: here, run: "", parameters: {} })}
        aria-label="Runfold: all runs"
      >
        <Mark />
        <span>Runfold</span>
      </a>
      <Choice
        label="Workspace"
        hidesLabel
        value={here}
        options={(reached.some((reach) => reach.workspace === here) || here === ""
          ? reached
          : [{ workspace: here }, ...reached]
        ).map((reach) => [reach.workspace, reach.workspace])}
        onChange={(chosen) => go({ view: "runs", workspace: chosen, run: "", parameters: {} })}
      />
      <nav aria-label="Views">
        {VIEWS.map(([id, label]) => (
          <a
            key={id}
            href={encode({ view: id, workspace: here, run: "", parameters: {} })}
            aria-current={view === id || (id === "runs" && (view === "run" || view === "compare")) ? "page" : undefined}
          >
            {label}
          </a>
        ))}
      </nav>
      <span class="fill" />
      <Live />
      <Menu label="Account and appearance" kind="quiet" align="end" button={session.value?.principal ?? "account"}>
        {(close) => (
          <div class="stack">
            <p class="hint">
              Signed in as <strong>{session.value?.principal}</strong>
            </p>
            <Choice
              label="Appearance"
              value={choice.value}
              options={[
                ["system", "As the system"],
                ["light", "Light"],
                ["dark", "Dark"],
              ]}
              onChange={(chosen) => {
                choice.value = chosen as Theme;
              }}
            />
            <Button
              onClick={() => {
                close();
                signOut().catch((error: unknown) => say(String(error), "bad"));
              }}
            >
              Sign out
            </Button>
          </div>
        )}
      </Menu>
    </header>
  );
}

function Live() {
  if (liveness.value === "off") return null;
  const live = liveness.value === "live";
  return (
    <span
      class={`liveness ${live ? "live" : "waiting"}`}
      role="status"
      title={live ? "Changes appear by themselves" : "Waiting for the stream of changes"}
    >
      <span class="dot" aria-hidden="true" />
      {live ? "live" : "reconnecting"}
    </span>
  );
}

/** The mark: an area folded over itself. */
export function Mark() {
  return (
    <svg width="18" height="18" viewBox="0 0 24 24" aria-hidden="true">
      <path class="fold-back" d="M3 5h12l-6 7H3z" />
      <path class="fold-front" d="M9 12h12l-6 7H3z" />
    </svg>
  );
}

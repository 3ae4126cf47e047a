/** The frame around all views: who is signed in, which workspace, which view; and the sign-in, in place, when it ran out. */

import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { resume, session, signIn } from "../api";
import { signedOut } from "../api/client";
import { Dialog, Toasts } from "../parts";
import { decode, encode, go, type Place, place, type View } from "../url";
import { accessTokenOfAddress } from "../views/sign-in/fragment";
import { SignIn } from "../views/sign-in/SignIn";
import { Failure } from "./Failure";
import { Header } from "./Header";

interface Module {
  default: ComponentType;
  /** Asks for what the view shows first. */
  ahead?: (at: Place) => void;
}

const views: Partial<Record<View, () => Promise<Module>>> = {
  runs: () => import("../views/runs"),
  run: () => import("../views/run"),
  compare: () => import("../views/compare"),
  experiments: () => import("../views/experiments"),
  health: () => import("../views/health"),
};

export function App() {
  const state = useSignal<"asking" | "known" | { error: unknown }>("asking");
  useEffect(() => {
    const access_token = accessTokenOfAddress();
    ahead(access_token === null);
    admitted(access_token)
      .then(() => {
        state.value = "known";
      })
      .catch((error: unknown) => {
        state.value = { error };
      });
  }, [state]);
  if (state.value === "asking") return <p class="waiting" aria-busy="true" />;
  if (typeof state.value === "object") return <Failure error={state.value.error} />;
  return <Page />;
}

function Page() {
  const { view, workspace } = place.value;
  const signedIn = session.value !== null;
  useSignalEffect(() => {
    if (session.value === null && place.value.view !== "sign-in") {
      go({ view: "sign-in", workspace: "", run: "", parameters: onwards() }, { replace: true });
    } else if (session.value !== null && ["home", "sign-in"].includes(place.value.view)) {
      leave();
    }
  });
  if (view === "sign-in" || !signedIn) {
    return (
      <main class="middle">
        <SignIn />
        <Toasts />
      </main>
    );
  }
  return (
    <>
      <a class="skip" href="#content">
        Skip to content
      </a>
      <Header />
      <main id="content" tabIndex={-1}>
        {workspace === "" ? <Nowhere /> : <Lazy key={`${workspace} ${view}`} view={view} />}
      </main>
      <Toasts />
      {signedOut.value ? (
        <Dialog title="Your session has ended">
          <p class="hint">Sign in again: what you see and what you typed stays as it is.</p>
          <SignIn inPlace />
        </Dialog>
      ) : null}
    </>
  );
}

function Lazy({ view }: { view: View }) {
  const loaded = useSignal<ComponentType | { error: unknown } | null>(null);
  useEffect(() => {
    let wanted = true;
    views[view]?.()
      .then((module) => {
        if (wanted) loaded.value = module.default;
      })
      .catch((error: unknown) => {
        if (wanted) loaded.value = { error };
      });
    return () => {
      wanted = false;
    };
  }, [view, loaded]);
  const Shown = loaded.value;
  if (Shown === null) return <p class="waiting" aria-busy="true" />;
  return typeof Shown === "object" ? <Failure error={Shown.error} /> : <Shown />;
}

function Nowhere() {
  return (
    <div class="empty">
      <h1>No workspace yet</h1>
      <p>You are signed in, but reach no workspace. Ask an administrator for a role in one.</p>
    </div>
  );
}

/** Fetches the file of the view that the address names while the session is asked for, and what it shows first. */
function ahead(may_ask: boolean): void {
  const at = place.peek();
  views[at.view]?.()
    .then((module) => (may_ask ? module.ahead?.(at) : undefined))
    .catch(() => undefined); // whoever shows it tells
}

/** The session there is; made from the access token that stood in the address, where one did. */
async function admitted(access_token: string | null): Promise<void> {
  if (access_token !== null) {
    await signIn(access_token).catch(() => undefined);
  }
  if (session.peek() === null) await resume();
}

function onwards(): Record<string, readonly string[]> {
  return place.peek().view === "home" ? {} : { next: [encode(place.peek())] };
}

/** From sign-in or the root to where one wanted to go, else to the runs of the workspace that was seen last. */
function leave(): void {
  const { next: own, return_to } = place.peek().parameters; // the latter where a sign-on failed
  const next = own?.[0] ?? return_to?.[0];
  if (next?.startsWith("/w/")) {
    go(decode(next), { replace: true });
    return;
  }
  const reached = session.peek()?.workspaces.map((reach) => reach.workspace) ?? [];
  const seen = localStorage.getItem("runfold.workspace") ?? "";
  const workspace = reached.includes(seen) ? seen : (reached[0] ?? "");
  if (workspace === "") return;
  go({ view: "runs", workspace, run: "", parameters: {} }, { replace: true });
}

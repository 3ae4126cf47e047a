/** Who is signed in, and what they reach. */

import { signal } from "@preact/signals";
import { ApiError, csrf, get, send, signedInAgain } from "./client";
import type { Session, SignOn } from "./types";

/** The session; null before it is known, and when signed out. */
export const session = signal<Session | null>(null);

/** Asks whether the cookie still lets us in; null when it does not. */
export async function resume(): Promise<Session | null> {
  try {
    return admitted(await get<Session>("/v1/session", {}, { waitsForSignIn: false }));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** Exchanges an access token for a session cookie. The access token itself is kept nowhere. */
export async function signIn(access_token: string): Promise<Session> {
  const answer = await send<Session>("POST", "/v1/session", { access_token }, { waitsForSignIn: false });
  return admitted(answer);
}

/** Ends the session here and on the server. */
export async function signOut(): Promise<void> {
  await send("DELETE", "/v1/session", undefined, { waitsForSignIn: false });
  session.value = null;
  csrf.value = "";
}

export function signOn(): Promise<SignOn> {
  return get("/v1/sign-on", {}, { waitsForSignIn: false });
}

/** Whether the session holds a scope in a workspace. */
export function holds(workspace: string, scope: "read" | "write" | "admin"): boolean {
  return (
    session.value?.workspaces.some((reach) => reach.workspace === workspace && reach.scopes.includes(scope)) ?? false
  );
}

function admitted(answer: Session): Session {
  session.value = answer;
  csrf.value = answer.csrf ?? "";
  signedInAgain();
  return answer;
}

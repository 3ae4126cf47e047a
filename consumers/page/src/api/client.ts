/** The one door to the API: envelope, errors, CSRF, and a session that ran out, which is renewed in place. */

import { signal } from "@preact/signals";
import { encodeParameters, type Parameters } from "../url/codec";

/** What the API refused: its status, code and message, and whatever else the error says (position, expected, ...). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly detail: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** True while the API asks for a new sign-in. The shell shows it above the view; requests wait and then go on. */
export const signedOut = signal(false);
/** What cookie requests other than GET send along; told by GET /v1/session. */
export const csrf = signal("");

let signIns = 0;

/** Lets what waits for a sign-in go on. */
export function signedInAgain(): void {
  signIns += 1;
  signedOut.value = false;
}

export interface Options {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** false: a 401 is an error as any other. Sign-in itself asks so. */
  readonly waitsForSignIn?: boolean | undefined;
}

export type Asked = Readonly<
  Record<string, string | number | boolean | readonly (string | number)[] | null | undefined>
>;

const early = new Map<string, { answer: Promise<unknown>; at_ms: number }>();
const EARLY_MS = 10_000;

/**
 * Asks for what a view asks for first, while it is not there yet and the session is being asked for. The first `get` of
 * the same address takes the answer; a refusal is nobody's: it is asked again then.
 */
export function ahead<T>(path: string, query: Asked = {}): Promise<T> {
  const url = address(path, query);
  const begun = early.get(url);
  if (begun !== undefined && Date.now() - begun.at_ms < EARLY_MS) return begun.answer as Promise<T>;
  const answer = answered("GET", url, undefined, { waitsForSignIn: false }).then((one) => one.json() as Promise<T>);
  answer.catch(() => early.delete(url));
  early.set(url, { answer, at_ms: Date.now() });
  return answer;
}

/** GET of a path of the API with a query; undefined, null and "" are left out, lists are repeated. */
export async function get<T>(path: string, query: Asked = {}, options: Options = {}): Promise<T> {
  const begun = early.get(address(path, query));
  if (begun !== undefined) {
    early.delete(address(path, query));
    const answer = Date.now() - begun.at_ms < EARLY_MS ? await begun.answer.catch(() => null) : null;
    options.signal?.throwIfAborted();
    if (answer !== null) return answer as T;
  }
  return (await (await answered("GET", address(path, query), undefined, options)).json()) as T;
}

/** POST, PUT, PATCH or DELETE with a JSON body; null where the answer has none. */
export async function send<T>(method: string, path: string, body?: unknown, options: Options = {}): Promise<T> {
  const answer = await answered(method, path, body, options);
  const text = await answer.text();
  return (text === "" ? null : JSON.parse(text)) as T;
}

/** GET whose body is no JSON: log text, previews, exports. */
export async function getRaw(path: string, query: Asked = {}, options: Options = {}): Promise<Response> {
  return answered("GET", address(path, query), undefined, options);
}

/** Path below a workspace, each part encoded: `below("team", "runs", runId, "metrics")`. */
export function below(workspace: string, ...parts: readonly string[]): string {
  return ["/v1/workspaces", workspace, ...parts]
    .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
    .join("/");
}

/** Path and query as one address, for links and downloads. */
export function address(path: string, query: Asked): string {
  const parameters: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    parameters[name] = Array.isArray(value) ? value.map(String) : [String(value)];
  }
  const text = encodeParameters(parameters as Parameters);
  return text === "" ? path : `${path}?${text}`;
}

async function answered(method: string, url: string, body: unknown, options: Options): Promise<Response> {
  for (;;) {
    const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET" && csrf.peek() !== "") headers["Runfold-CSRF"] = csrf.peek();
    const before = signIns;
    const answer = await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      signal: options.signal ?? null,
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (answer.ok) return answer;
    if (answer.status !== 401 || options.waitsForSignIn === false) throw await refusal(answer);
    // Refused of late: somebody signed in since this was sent, and is not to be asked once more.
    if (before === signIns) await untilSignedIn(options.signal);
  }
}

function untilSignedIn(aborted: AbortSignal | undefined): Promise<void> {
  signedOut.value = true;
  return new Promise((resolve, reject) => {
    const end = signedOut.subscribe((out) => {
      if (!out) {
        queueMicrotask(() => end());
        resolve();
      }
    });
    aborted?.addEventListener("abort", () => {
      end();
      reject(aborted.reason);
    });
  });
}

async function refusal(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  try {
    const { code, message, ...detail } = (JSON.parse(text) as { error: Record<string, unknown> }).error;
    return new ApiError(answer.status, String(code), String(message), detail);
  } catch {
    return new ApiError(answer.status, "no_answer", `the API answered ${answer.status} ${answer.statusText}`.trim());
  }
}

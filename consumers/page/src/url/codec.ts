/** A place is what the address bar says: workspace, view, and the view's whole state. Two plain functions, no window. */

export type View = "home" | "sign-in" | "runs" | "run" | "compare" | "experiments" | "health";

/** Parameters of a view: a name may be given more than once. */
export type Parameters = Readonly<Record<string, readonly string[]>>;

export interface Place {
  readonly view: View;
  /** Empty where the view belongs to no workspace (home, sign-in). */
  readonly workspace: string;
  /** Run id; empty but for the view "run". */
  readonly run: string;
  readonly parameters: Parameters;
}

const PAGES: readonly View[] = ["runs", "compare", "experiments", "health"];

/** The address of a place: path and query. `decode(encode(place))` is the same place. */
export function encode(place: Place): string {
  const query = encodeParameters(place.parameters);
  return path(place) + (query === "" ? "" : `?${query}`);
}

/** What an address means. A path that says nothing known is "home", which leads on to the runs of a workspace. */
export function decode(address: string): Place {
  const [before = "", search = ""] = address.split("#", 1)[0]?.split(/\?(.*)/s, 2) ?? [];
  const [first = "", workspace = "", second = "runs", run = ""] = before.split("/").slice(1).map(readable);
  const parameters = decodeParameters(search);
  if (first === "sign-in") return { view: "sign-in", workspace: "", run: "", parameters };
  if (first !== "w" || workspace === "") return { view: "home", workspace: "", run: "", parameters };
  if (second === "runs" && run !== "") return { view: "run", workspace, run, parameters };
  const view = PAGES.find((page) => page === second) ?? "runs";
  return { view, workspace, run: "", parameters };
}

function path(place: Place): string {
  if (place.view === "home") return "/";
  if (place.view === "sign-in") return "/sign-in";
  const below = place.view === "run" ? `runs/${encodeURIComponent(place.run)}` : place.view;
  return `/w/${encodeURIComponent(place.workspace)}/${below}`;
}

/** Query text, readable where it may be: commas, colons, slashes and quotes of filters stay as they are. */
export function encodeParameters(parameters: Parameters): string {
  return Object.entries(parameters)
    .flatMap(([name, values]) => values.map((value) => `${escaped(name)}=${escaped(value)}`))
    .join("&");
}

/** Parameters of a query text, in the order of their first mention. */
export function decodeParameters(search: string): Parameters {
  const found: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    found[name] = [...(Object.hasOwn(found, name) ? (found[name] ?? []) : []), value];
  }
  return found;
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%2F/g, "/").replace(/%20/g, "+");
}

function readable(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

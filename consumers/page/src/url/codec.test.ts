import { describe, expect, it } from "vitest";
import { decode, encode, type Place } from "./codec";

const places: readonly Place[] = [
  { view: "home", workspace: "", run: "", parameters: {} },
  { view: "sign-in", workspace: "", run: "", parameters: { next: ["/w/team/runs?q=a=b"] } },
  { view: "runs", workspace: "team", run: "", parameters: {} },
  {
    view: "runs",
    workspace: "team-a",
    run: "",
    parameters: { q: ['tag."my key" = \'a&b\' and name ~ "d*+?#%"'], columns: ["tag.team,metric.val/acc.max"] },
  },
  {
    view: "run",
    workspace: "team",
    run: "run with space, %2F and ä",
    parameters: { tab: ["charts"], metric: ["a", "b"] },
  },
  { view: "compare", workspace: "team", run: "", parameters: { runs: ["a,b"], constructor: ["x"], __proto__x: ["y"] } },
  { view: "experiments", workspace: "team", run: "", parameters: {} },
  { view: "health", workspace: "team", run: "", parameters: { "": ["empty name"], empty: [""] } },
];

describe("the address of a place", () => {
  it.each(places)("leads back to it: %j", (place) => {
    expect(decode(encode(place))).toEqual(place);
  });

  it("keeps what people read readable", () => {
    const parameters = { sort: ["-created,metric.loss.min"], q: ["a b"] };
    expect(encode({ view: "runs", workspace: "team", run: "", parameters })).toBe(
      "/w/team/runs?sort=-created,metric.loss.min&q=a+b",
    );
  });
});

describe("an address that nobody wrote", () => {
  it.each([
    ["", "home"],
    ["/", "home"],
    ["/nothing/here", "home"],
    ["/w/", "home"],
    ["/w/team", "runs"],
    ["/w/team/unknown", "runs"],
    ["/w/team/runs/%E0%A4%A", "run"],
    ["/sign-in#access_token=x", "sign-in"],
  ])("%s is %s", (address, view) => {
    expect(decode(address).view).toBe(view);
  });
});

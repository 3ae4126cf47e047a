import { describe, expect, it } from "vitest";
import { decode, encode } from "../../url/codec";
import { NEWEST, parametersOf, type RunsState, sortedBy, stateOf } from "./state";

const states: readonly RunsState[] = [
  stateOf({}),
  {
    q: "tag.\"a b\" = 'x,y' and metric.loss < 0.2",
    sort: [
      { ref: 'tag."a,b"', descending: true },
      { ref: "metric.loss.min", descending: false },
    ],
    columns: ["status", 'tag."a,b"', "spark.loss"],
    pinned: ["status"],
    widths: { status: 90, 'tag."a,b"': 210 },
    children: true,
    by: "tag.team",
    selected: ["run,1", "50%", "ä b"],
    charts: ["metric.loss"],
  },
  { ...stateOf({}), columns: [], charts: [] },
];

describe("the state of the runs view", () => {
  it.each(states)("stands in the address as a whole: %j", (state) => {
    const parameters = Object.fromEntries(
      Object.entries(parametersOf(state)).flatMap(([name, value]) => (value === null ? [] : [[name, [value]]])),
    );
    const address = encode({ view: "runs", workspace: "team", run: "", parameters });
    expect(stateOf(decode(address).parameters)).toEqual(state);
  });

  it("says nothing of what is the default", () => {
    expect(Object.values(parametersOf(stateOf({}))).every((value) => value === null)).toBe(true);
  });
});

describe("a click on a head", () => {
  it("sorts down, up, and as before", () => {
    const down = sortedBy(NEWEST, "metric.loss", false);
    expect(down).toEqual([{ ref: "metric.loss", descending: true }]);
    const up = sortedBy(down, "metric.loss", false);
    expect(up).toEqual([{ ref: "metric.loss", descending: false }]);
    expect(sortedBy(up, "metric.loss", false)).toEqual(NEWEST);
  });

  it("with shift keeps what was sorted by before", () => {
    expect(sortedBy(NEWEST, "status", true)).toEqual([...NEWEST, { ref: "status", descending: true }]);
  });
});

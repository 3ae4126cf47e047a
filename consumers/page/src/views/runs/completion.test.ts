import { describe, expect, it } from "vitest";
import { completed, contextAt } from "./completion";

const at = (text: string) => {
  const { expected, prefix, ref } = contextAt(text, text.length);
  return [expected, prefix, ref];
};

describe("what comes next in a filter", () => {
  it.each([
    ["", ["ref", "", ""]],
    ["sta", ["ref", "sta", ""]],
    ["status ", ["operator", "", "status"]],
    ["status =", ["value", "", "status"]],
    ["status = Com", ["value", "Com", "status"]],
    ['tag."my key" = "a b', ["value", '"a b', 'tag."my key"']],
    ["status = Completed ", ["joiner", "", "status"]],
    ["status = Completed and ", ["ref", "", "status"]],
    ["status in (Failed, ", ["value", "", "status"]],
    ["status in (Failed, Canceled) ", ["joiner", "", "status"]],
    ["not (metric.lo", ["ref", "metric.lo", ""]],
    ["tag.x exists ", ["joiner", "", "tag.x"]],
    ["tag.x not in (", ["value", "", "tag.x"]],
    ["metric.loss < 0.2 or ! ", ["ref", "", "metric.loss"]],
  ])("after %s", (text, expected) => {
    expect(at(text)).toEqual(expected);
  });

  it("takes the place of the word at the cursor", () => {
    const text = "sta = Failed";
    expect(completed(text, 3, contextAt(text, 3), "status")).toEqual({ text: "status = Failed", cursor: 7 });
  });
});

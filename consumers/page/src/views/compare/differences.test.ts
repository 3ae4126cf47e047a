import { describe, expect, it } from "vitest";
import { type Detail, differences } from "./differences";

const detail = (run_id: string, more: Partial<Detail>): Detail => ({
  run_id,
  display_name: null,
  number: null,
  experiment: "digits",
  parent_run_id: null,
  status: "Completed",
  attempt: 0,
  run_type: null,
  target: "local",
  submitted_by: "ada",
  created_at: "",
  snapshot_id: "s1",
  complete: "complete",
  tags: {},
  properties: {},
  ...more,
});

describe("the differences of runs", () => {
  it("are only what differs, the code first", () => {
    const found = differences([
      detail("a", { tags: { lr: "0.1", team: "vision" }, properties: { "azureml.git.commit": "c1", note: "x" } }),
      detail("b", {
        tags: { lr: "0.2", team: "vision" },
        properties: { "azureml.git.commit": "c2", note: "x" },
        snapshot_id: "s2",
      }),
    ]);
    expect(found.rows).toEqual([
      { kind: "code", key: "azureml.git.commit", values: ["c1", "c2"] },
      { kind: "code", key: "snapshot", values: ["s1", "s2"] },
      { kind: "tag", key: "lr", values: ["0.1", "0.2"] },
    ]);
    expect(found.of).toBe(13);
  });

  it("tell a missing key from an empty one", () => {
    const found = differences([detail("a", { tags: { k: null } }), detail("b", {}), detail("c", { tags: { k: "" } })]);
    expect(found.rows).toEqual([{ kind: "tag", key: "k", values: ["", null, ""] }]);
  });

  it("are none of a run alone, and none of twins", () => {
    expect(differences([detail("a", { tags: { k: "v" } })]).rows).toEqual([]);
    expect(differences([detail("a", {}), detail("b", {})]).rows).toEqual([]);
    expect(differences([]).rows).toEqual([]);
  });
});

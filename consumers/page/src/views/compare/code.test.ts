import { describe, expect, it } from "vitest";
import type { CodeDifferences } from "../../code/api";
import { changeOf, pairOf, rowsOf, snapshotsOf, told, versionName } from "./code";

const run = (run_id: string, snapshot_id: string | null) => ({ run_id, snapshot_id });
const content = (crc32: string, size = 1, executable = false) => ({ crc32, size, executable });

const found: CodeDifferences = {
  watermark: "w1",
  snapshots: ["s1", "s2"].map((snapshot_id) => ({ snapshot_id, files: 3 })),
  left: [{ snapshot_id: "s3", code: "bad_zip", message: "it is none" }],
  files: [
    { path: "a", contents: [content("1"), content("2")], which: [0, 1] },
    { path: "gone", contents: [content("1")], which: [0, null] },
    { path: "new", contents: [content("1")], which: [null, 0] },
    { path: "run.sh", contents: [content("1"), content("1", 1, true)], which: [0, 1] },
  ],
  n: 4,
  of: 4,
  paths: 9,
};
const runs = [run("r1", "s1"), run("r2", "s2"), run("r3", "s1"), run("r4", null), run("r5", "s3")];

describe("files that differ among runs", () => {
  it("are told by run: the same, not there, or not known", () => {
    expect(snapshotsOf(runs)).toEqual(["s1", "s2", "s3"]);
    expect(rowsOf(runs, found).map((row) => [row.path, row.which])).toEqual([
      ["a", [0, 1, 0, undefined, undefined]],
      ["gone", [0, null, 0, undefined, undefined]],
      ["new", [null, 0, null, undefined, undefined]],
      ["run.sh", [0, 1, 0, undefined, undefined]],
    ]);
  });

  it("were changed, removed, added or made executable between two snapshots, and have versions among more", () => {
    const rows = rowsOf(runs, found);
    expect(rows.map((row) => changeOf(row, 2))).toEqual(["changed", "removed", "added", "mode"]);
    expect(rows.map((row) => changeOf(row, 3))).toEqual([
      "2 versions",
      "1 version, in 2 of 3 runs",
      "1 version, in 1 of 3 runs",
      "2 versions",
    ]);
    expect([versionName(0), versionName(25), versionName(26)]).toEqual(["A", "Z", "#27"]);
    expect(told(content("cbf43926", 2048, true))).toBe("2.0 KiB, CRC-32 cbf43926, executable");
  });

  it("are shown of the chosen two runs, else of the first two that differ", () => {
    const [a] = rowsOf(runs, found);
    if (a === undefined) throw new Error("no row");
    expect(pairOf(runs, a, "", "")).toEqual([0, 1]);
    expect(pairOf(runs, a, "r2", "")).toEqual([1, 0]);
    expect(pairOf(runs, a, "", "r1")).toEqual([1, 0]);
    expect(pairOf(runs, a, "r1", "r3")).toEqual([0, 2]);
    expect(pairOf(runs, a, "r4", "r5")).toEqual([0, 1]);
    expect(pairOf([run("r4", null)], { ...a, which: [undefined] }, "", "")).toBeNull();
  });
});

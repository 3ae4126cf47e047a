import { expect, it } from "vitest";
import { momentAt, momentsOf } from "./AsOf";
import type { Artifact, Happening } from "./api";
import { refOfMetric } from "./ChildrenTab";
import { occurredAt, passes, summaryOf, timelineRows } from "./events/timeline";
import { imagesOf, kindOf, parseCsv, treeOf } from "./files/tree";
import { refusedByKey } from "./PropertiesTab";

function file(path: string, some: Partial<Artifact> = {}): Artifact {
  return {
    path,
    name: path,
    attempt: 0,
    sha256: "00",
    size: 10,
    media_type: null,
    metric_name: null,
    metric_type: null,
    availability: "available",
    created_at: "2026-01-01T00:00:00Z",
    ...some,
  };
}

function happening(some: Partial<Happening> = {}): Happening {
  return {
    offset: 7,
    partition: 0,
    broker_time: "2026-01-01T00:00:00.001000Z",
    writer_id: "ab".repeat(16),
    ordinal: 3,
    event: "PropertyAdded",
    verdict: "accepted",
    rule: null,
    refusals: [],
    body: {
      aggregate_id: "r",
      ordinal: 3,
      occurred_at: 1_700_000_000_123_456,
      properties: { data: "v8" },
      reason: null,
    },
    ...some,
  };
}

it("makes moments of broker times, each told by its last event", () => {
  const moments = momentsOf([
    { broker_time: "2026-01-01T00:00:00.001000Z", offset: 1, event: "RunStarted" },
    { broker_time: "2026-01-01T00:00:00.001000Z", offset: 2, event: "TagSet" },
    { broker_time: "2026-01-01T00:00:00.005000Z", offset: 5, event: null },
  ]);
  expect(moments.map((m) => [m.offset, m.what, m.events])).toEqual([
    [2, "TagSet", 2],
    [5, "repeat", 1],
  ]);
  expect(momentAt(moments, "2026-01-01T00:00:00.001000Z")).toBe(0);
  expect(momentAt(moments, "2026-01-01T00:00:00.004Z")).toBe(0);
  expect(momentAt(moments, "2025-01-01T00:00:00Z")).toBe(-1);
  expect(momentAt(moments, "2027-01-01T00:00:00Z")).toBe(1);
});

it("tells an event by its own fields, and when its writer says that it happened", () => {
  expect(summaryOf(happening())).toBe('properties = {"data":"v8"}');
  expect(occurredAt(happening())).toBe("2023-11-14T22:13:20.123456Z");
  expect(occurredAt(happening({ body: null }))).toBeNull();
  expect(timelineRows([happening()])[0]?.slice(0, 8)).toEqual([
    0,
    7,
    "2026-01-01T00:00:00.001000Z",
    "2023-11-14T22:13:20.123456Z",
    "ab".repeat(16),
    3,
    "PropertyAdded",
    "accepted",
  ]);
});

it("filters events by verdict, kind, writer and anything they say", () => {
  const all = { q: "", verdict: "", event: "", writer: "" };
  expect(passes(happening(), all)).toBe(true);
  expect(passes(happening(), { ...all, verdict: "refused" })).toBe(false);
  expect(passes(happening(), { ...all, q: "V8" })).toBe(true);
  expect(passes(happening(), { ...all, q: "v9" })).toBe(false);
  expect(
    passes(happening({ refusals: [{ key: "data", rule: "property", kept: "v7", refused: "v9" }] }), {
      ...all,
      q: "v9",
    }),
  ).toBe(true);
});

it("gathers refused attempts by property, and nothing else that was refused", () => {
  const refusals = [{ key: "data", rule: "property", kept: "v7", refused: "v8" }];
  const found = refusedByKey([
    happening({ verdict: "refused", refusals }),
    happening({ event: "ArtifactLogged", refusals }),
  ]);
  expect([...found.keys()]).toEqual(["data"]);
  expect(found.get("data")?.map((attempt) => attempt.refused)).toEqual(["v8"]);
});

it("makes a tree of files with sizes of all below", () => {
  const tree = treeOf([file("outputs/a10.txt"), file("outputs/a2.txt"), file("outputs/sub/x"), file("top")]);
  expect(tree.folders.map((folder) => [folder.path, folder.count, folder.size])).toEqual([["outputs", 3, 30]]);
  expect(tree.folders[0]?.files.map((f) => f.path)).toEqual(["outputs/a2.txt", "outputs/a10.txt"]);
  expect(tree.files.map((f) => f.path)).toEqual(["top"]);
});

it("knows how to show a file, by its type or its name", () => {
  expect(kindOf(file("x", { media_type: "image/png" }))).toBe("image");
  expect(kindOf(file("plot.png@12"))).toBe("image");
  expect(kindOf(file("a.svg"))).toBe("text");
  expect(kindOf(file("a.JSON"))).toBe("json");
  expect(kindOf(file("a.tsv"))).toBe("csv");
  expect(kindOf(file("model.pkl"))).toBe("other");
});

it("reads CSV with quotes, other separators and a cut end", () => {
  expect(parseCsv('a;b\r\n"x;1";"say ""hi"""\n', 9)).toEqual([
    ["a", "b"],
    ["x;1", 'say "hi"'],
  ]);
  expect(parseCsv("a,b\n1,2\n3", 2)).toEqual([
    ["a", "b"],
    ["1", "2"],
  ]);
});

it("puts images under their name in the order of logging", () => {
  const images = imagesOf([
    file("samples@9", { metric_name: "samples", metric_type: "image", created_at: "2026-01-01T00:00:09Z" }),
    file("samples", { metric_name: "samples", metric_type: "image", created_at: "2026-01-01T00:00:01Z" }),
    file("model.bin"),
  ]);
  expect(images.map((each) => [each.name, each.versions.map((f) => f.path)])).toEqual([
    ["samples", ["samples", "samples@9"]],
  ]);
});

it("quotes the names of metrics where the language needs it", () => {
  expect(refOfMetric("val/acc")).toBe("metric.val/acc.last");
  expect(refOfMetric("my loss")).toBe('metric."my loss".last');
});

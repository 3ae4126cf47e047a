import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FoundRun, FoundRuns, RunsAsked } from "../../api";
import { Rows, type Search } from "./rows";

const run = (id: number, status = "Running"): FoundRun => ({
  run_id: `r${id}`,
  experiment: "e",
  name: null,
  number: id,
  parent_run_id: null,
  status,
  attempt: 0,
  created_at: "2026-01-01T00:00:00Z",
  started_at: null,
  ended_at: null,
  heartbeat_at: null,
  children: 0,
  values: {},
});

/** A ledger of runs, newest first, answered as the API answers it. */
class Ledger {
  runs: FoundRun[];
  asked: RunsAsked[] = [];
  constructor(n: number) {
    this.runs = Array.from({ length: n }, (_, at) => run(n - at));
  }
  search: Search = async (_workspace, asked) => {
    this.asked.push(asked);
    const ids = /run_id in \((.*)\)/.exec(asked.q ?? "")?.[1]?.match(/\w+/g);
    const found = ids ? this.runs.filter((one) => ids.includes(one.run_id)) : this.runs;
    const from = asked.cursor ? this.runs.findIndex((one) => one.run_id === asked.cursor) + 1 : (asked.skip ?? 0);
    const page = found.slice(from, from + (asked.limit ?? 50));
    const last = page[page.length - 1];
    const more = from + page.length < found.length;
    const answer: FoundRuns = {
      runs: page,
      n: page.length,
      of: found.length,
      of_is_exact: true,
      next_cursor: more ? (last?.run_id ?? null) : null,
      watermark: "w1.",
    };
    return answer;
  };
}

const rowsOf = (ledger: Ledger) =>
  new Rows("team", { q: "", sort: "-created", columns: "", include_children: false }, ledger.search);

describe("the rows of the table", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("have room for all that match, and load what comes into sight", async () => {
    const ledger = new Ledger(100_000);
    const rows = rowsOf(ledger);
    await vi.advanceTimersByTimeAsync(0);
    expect([rows.count.value, rows.loaded.value]).toEqual([100_000, 100]);
    rows.seen(2_000, 2_040);
    await vi.advanceTimersByTimeAsync(0);
    expect(rows.at(2_040)?.run_id).toBe("r97960");
    expect(rows.loaded.value).toBeLessThan(2_400);
  });

  it("ask again only for what changed in sight, however much changed", async () => {
    const ledger = new Ledger(1_000);
    const rows = rowsOf(ledger);
    rows.seen(0, 900);
    await vi.advanceTimersByTimeAsync(0);
    rows.seen(0, 29);
    ledger.runs = ledger.runs.map((one) => ({ ...one, status: "Completed" }));
    ledger.asked = [];
    rows.changed(Object.fromEntries(ledger.runs.slice(0, 900).map((one) => [one.run_id, ["status"]])));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ledger.asked.map((one) => one.limit)).toEqual([30]);
    expect([rows.at(0)?.status, rows.at(500)?.status]).toEqual(["Completed", "Running"]);
    rows.seen(490, 510);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rows.at(500)?.status).toBe("Completed");
  });

  it("are had from anywhere without those between, and go on from there both ways", async () => {
    const ledger = new Ledger(100_000);
    const rows = rowsOf(ledger);
    await vi.advanceTimersByTimeAsync(0);
    for (const [first, last] of [
      [99_960, 99_999],
      [50_000, 50_040],
      [50_070, 50_110],
      [49_900, 49_940],
      [49_850, 49_890],
    ] as const) {
      rows.seen(first, last);
      await vi.advanceTimersByTimeAsync(0);
      expect([rows.at(first)?.run_id, rows.at(last)?.run_id]).toEqual([`r${100_000 - first}`, `r${100_000 - last}`]);
    }
    expect(ledger.asked.length).toBeLessThan(8);
    expect(rows.loaded.value).toBeLessThan(1_000);
    expect(rows.count.value).toBe(100_000);
    expect(rows.all().map((one) => Number(one.run_id.slice(1)))).toEqual(
      rows
        .all()
        .map((one) => Number(one.run_id.slice(1)))
        .sort((a, b) => b - a),
    );
  });

  it("find the end where runs went meanwhile, and hold each run once where runs came", async () => {
    const ledger = new Ledger(1_000);
    const rows = rowsOf(ledger);
    await vi.advanceTimersByTimeAsync(0);
    ledger.runs = ledger.runs.slice(0, 900);
    rows.seen(960, 999);
    await vi.advanceTimersByTimeAsync(0);
    expect(rows.count.value).toBe(900);
    rows.seen(500, 540);
    await vi.advanceTimersByTimeAsync(0);
    ledger.runs = [run(1_001), run(1_002), ...ledger.runs];
    for (const first of [430, 620, 860, 0]) {
      rows.seen(first, first + 40);
      await vi.advanceTimersByTimeAsync(0);
      expect(rows.at(first + 20)).toBeDefined();
    }
    const ids = rows.all().map((one) => one.run_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(rows.loaded.value).toBe(ids.length);
  });

  it("are not asked for again when runs that are nowhere in sight log points", async () => {
    const ledger = new Ledger(1_000);
    const rows = rowsOf(ledger);
    const byMetric = { q: "", sort: "metric.loss", columns: "", include_children: false };
    const ordered = new Rows("team", byMetric, ledger.search);
    await vi.advanceTimersByTimeAsync(0);
    ledger.asked = [];
    rows.changed({ r1: ["points"], r2: ["points", "logs"] });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ledger.asked).toEqual([]);
    ordered.changed({ r1: ["points"] });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ledger.asked).toHaveLength(1);
  });

  it("take in a run that starts, at its place", async () => {
    const ledger = new Ledger(300);
    const rows = rowsOf(ledger);
    await vi.advanceTimersByTimeAsync(0);
    ledger.runs = [run(301), ...ledger.runs];
    rows.changed({ r301: ["status"] });
    await vi.advanceTimersByTimeAsync(1_000);
    expect([rows.at(0)?.run_id, rows.at(1)?.run_id, rows.count.value]).toEqual(["r301", "r300", 301]);
    for (const first of [100, 200, 270]) {
      rows.seen(first, first + 30);
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(new Set(rows.all().map((one) => one.run_id)).size).toBe(301);
  });

  it("stay in sight while other columns are asked for", async () => {
    const ledger = new Ledger(300);
    const before = rowsOf(ledger);
    await vi.advanceTimersByTimeAsync(0);
    const asked = { q: "", sort: "-created", columns: "tag.team", include_children: false };
    const rows = new Rows("team", asked, ledger.search, before);
    expect([rows.count.value, rows.at(0)?.run_id, rows.all().length]).toEqual([300, "r300", 100]);
    ledger.runs = ledger.runs.slice(1);
    const fresh = new Rows("team", asked, ledger.search, rows);
    await vi.advanceTimersByTimeAsync(0);
    expect([fresh.at(0)?.run_id, fresh.count.value]).toEqual(["r299", 299]);
  });

  it("tell why they could not be had, and try again at the next look", async () => {
    const ledger = new Ledger(10);
    let fails = true;
    const rows = new Rows("team", { q: "", sort: "", columns: "", include_children: false }, (...asked) =>
      fails ? Promise.reject(new Error("away")) : ledger.search(...asked),
    );
    await vi.advanceTimersByTimeAsync(0);
    expect(rows.error.value?.message).toBe("away");
    fails = false;
    rows.seen(0, 10);
    await vi.advanceTimersByTimeAsync(0);
    expect([rows.error.value, rows.count.value]).toEqual([null, 10]);
  });
});

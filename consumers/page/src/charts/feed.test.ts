import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Series, SeriesAnswer, SeriesAsked } from "../api";
import { Feed, plotted, refOf, spliced } from "./feed";
import { series } from "./series.sample";

const A = refOf("a", null);
const B = refOf("b", null);

function told(metric: string, x: number[], some: Partial<Series> & { change?: string } = {}): Series {
  return { ...series({ metric, x, value: x }), ...some } as unknown as Series;
}

/** An API that answers when it is told to. */
class Answers {
  readonly asked: { ask: SeriesAsked; aborted: AbortSignal; answer: (series: Series[], cursor?: string) => void }[] =
    [];
  readonly fetch = (ask: SeriesAsked, aborted: AbortSignal): Promise<SeriesAnswer> =>
    new Promise((resolve, reject) => {
      aborted.addEventListener("abort", () => reject(new Error("aborted")));
      this.asked.push({
        ask,
        aborted,
        answer: (all, cursor = "c1") => resolve({ series: all, cursor, watermark: "w1.x" }),
      });
    });
}

const style = (s: Series) => ({ label: s.metric, colour: "#000000" });
const settle = () => vi.advanceTimersByTimeAsync(100);

describe("a feed", () => {
  let api: Answers;
  let feed: Feed;
  beforeEach(() => {
    vi.useFakeTimers();
    api = new Answers();
    feed = new Feed(api.fetch, { run_id: ["r"], buckets: 100 }, style);
  });
  afterEach(() => {
    feed.close();
    vi.useRealTimers();
  });

  it("asks for nothing that is out of sight, and for all that is in sight in one request", async () => {
    feed.data([A]);
    await settle();
    expect(api.asked).toHaveLength(0);
    feed.see([A], true);
    feed.see([B], true);
    await settle();
    expect(api.asked.map(({ ask }) => ask.metric)).toEqual([[A, B]]);
    api.asked[0]?.answer([told("a", [1, 2]), told("b", [7])]);
    await settle();
    expect(feed.data([A]).value.series[0]?.x).toEqual([1, 2]);
    expect(feed.data([B]).value.series[0]?.x).toEqual([7]);
  });

  it("takes a request back when all that it is for has scrolled away, and asks again when it comes back", async () => {
    feed.see([A], true);
    feed.see([B], true);
    await settle();
    feed.see([A], false);
    expect(api.asked[0]?.aborted.aborted).toBe(false);
    feed.see([B], false);
    expect(api.asked[0]?.aborted.aborted).toBe(true);
    await settle();
    feed.see([A], true);
    await settle();
    expect(api.asked[1]?.ask.metric).toEqual([A]);
    expect(feed.data([A]).value.error).toBeNull();
  });

  it("asks for what came since by the cursor, and appends it", async () => {
    feed.see([A], true);
    await settle();
    api.asked[0]?.answer([told("a", [1, 2])], "first");
    await settle();
    feed.changed();
    await settle();
    expect(api.asked[1]?.ask.after).toBe("first");
    api.asked[1]?.answer([told("a", [3], { change: "points" })], "second");
    await settle();
    expect(feed.data([A]).value.series[0]?.x).toEqual([1, 2, 3]);
    expect(feed.data([A]).value.series[0]?.of).toBe(3);
  });

  it("asks once more for what came while it was answered, and once a second however much comes", async () => {
    feed.see([A], true);
    await settle();
    feed.changed(); // before the first answer: the server may have read before it
    await settle();
    api.asked[0]?.answer([told("a", [1])], "first");
    await vi.advanceTimersByTimeAsync(1_100);
    expect(api.asked.map(({ ask }) => ask.after)).toEqual([undefined, "first"]);
    feed.changed();
    api.asked[1]?.answer([told("a", [2], { change: "points" })], "second");
    await vi.advanceTimersByTimeAsync(1_100);
    expect(api.asked[2]?.ask.after).toBe("second");
    api.asked[2]?.answer([], "third");
    for (let at = 0; at < 20; at++) {
      feed.changed();
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(api.asked.length).toBeLessThanOrEqual(4);
  });

  it("lets what was told before give way where the server says whole", async () => {
    feed.see([A], true);
    await settle();
    api.asked[0]?.answer([told("a", [1, 2])]);
    await settle();
    feed.changed();
    await settle();
    api.asked[1]?.answer([told("a", [1], { change: "whole", attempt: 1 })]);
    await settle();
    expect(feed.data([A]).value.series.map((s) => s.x)).toEqual([[1]]);
  });

  it("brings a panel that was out of sight up to date when it is seen again, and not before", async () => {
    feed.see([A], true);
    await settle();
    api.asked[0]?.answer([told("a", [1])], "first");
    await settle();
    feed.see([A], false);
    feed.changed();
    await settle();
    expect(api.asked).toHaveLength(1);
    feed.see([A], true);
    await settle();
    expect(api.asked[1]?.ask.after).toBe("first");
  });

  it("keeps the overview shown until finer data of a zoom is there, and asks only where there is finer data", async () => {
    feed.see([A], true);
    feed.see([B], true);
    await settle();
    api.asked[0]?.answer([told("a", [0, 10, 20, 30], { of: 4000 }), told("b", [0, 1])]);
    await settle();
    feed.setZoom({ from: 10, to: 20 });
    await settle();
    expect(api.asked[1]?.ask).toMatchObject({ metric: [A], from: 10, to: 20 });
    expect(feed.data([A]).value.series[0]?.x).toEqual([0, 10, 20, 30]);
    api.asked[1]?.answer([told("a", [10, 12, 14, 20], { n: 4, of: 1000 })]);
    await settle();
    const finer = feed.data([A]).value.series[0];
    expect(finer?.x).toEqual([0, 10, 12, 14, 20, 30]);
    expect([finer?.n, finer?.of]).toEqual([4, 1000]);
    feed.setZoom(null);
    expect(feed.data([A]).value.series[0]?.x).toEqual([0, 10, 20, 30]);
  });

  it("tells an error and keeps what it shows", async () => {
    feed.close();
    feed = new Feed(() => Promise.reject(new Error("away")), { run_id: ["r"] }, style);
    feed.see([A], true);
    await settle();
    expect(feed.data([A]).value).toMatchObject({ error: "away", busy: false, known: false });
  });

  it("cuts what it asks into requests of a size", async () => {
    feed.close();
    feed = new Feed(api.fetch, { run_id: ["r"] }, style, true, 2);
    for (const name of ["a", "b", "c"]) feed.see([refOf(name, null)], true);
    await settle();
    expect(api.asked.map(({ ask }) => ask.metric.length)).toEqual([2, 1]);
  });
});

describe("what comes from the API", () => {
  it("is put in order of x; texts are no lines, booleans are 0 and 1", () => {
    const look = { label: "a", colour: "#000" };
    expect(plotted(told("a", [3, 1, 2]), look)[0]?.x).toEqual([1, 2, 3]);
    expect(plotted(told("a", [1, 2], { kind: "bool", value: [true, false] }), look)[0]?.value).toEqual([1, 0]);
    expect(plotted(told("a", [1], { kind: "string", value: ["x"] }), look)).toEqual([]);
  });

  it("splices finer data with its bands and marks into an overview", () => {
    const overview = series({
      x: [0, 10, 20],
      value: [1, 2, 3],
      of: 300,
      band: { x: [0, 10, 20], min: [0, 0, 0], max: [9, 9, 9] },
      marks: [{ x: 5, value: "NaN" }],
    });
    const detail = series({ x: [4, 6], value: [7, 8], of: 2, marks: [{ x: 5, value: "Infinity" }] });
    const [made] = spliced([overview], [detail], { from: 3, to: 12 }, { run_id: ["r"] });
    expect(made?.x).toEqual([0, 4, 6, 20]);
    expect(made?.band?.x).toEqual([0, 20]);
    expect(made?.marks).toEqual([{ x: 5, value: "Infinity" }]);
  });
});

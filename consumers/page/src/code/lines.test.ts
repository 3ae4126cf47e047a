import { describe, expect, it } from "vitest";
import { linesOf } from "./lines";
import { textOf } from "./text";

const told = (before: string, after: string, context = 3) =>
  linesOf(before, after, context).lines.map(
    ({ kind, before, after, text }) => `${kind} ${before ?? "-"} ${after ?? "-"} ${text}`,
  );
const numbered = (n: number, from = 1) => Array.from({ length: n }, (_, at) => `line ${at + from}\n`).join("");

describe("a line diff", () => {
  it("tells what was removed and added, with the lines around and their numbers", () => {
    expect(told("a\nb\nc\n", "a\nB\nc\nd\n")).toEqual([
      "same 1 1 a",
      "removed 2 - b",
      "added - 2 B",
      "same 3 3 c",
      "added - 4 d",
    ]);
    const found = linesOf("a\nb\nc\n", "a\nB\nc\nd\n", 3);
    expect([found.removed, found.added, found.least]).toEqual([1, 2, true]);
  });

  it("says where it goes on after lines that are the same", () => {
    const after = numbered(20).replace("line 10\n", "ten\n").replace("line 19\n", "");
    expect(told(numbered(20), after, 1)).toEqual([
      "gap 9 9 ",
      "same 9 9 line 9",
      "removed 10 - line 10",
      "added - 10 ten",
      "same 11 11 line 11",
      "gap 18 18 ",
      "same 18 18 line 18",
      "removed 19 - line 19",
      "same 20 19 line 20",
    ]);
    expect(told("a\nc\n", "a\nb\nc\n", 0)).toEqual(["gap 2 2 ", "added - 2 b"]);
    expect(told(numbered(3), numbered(4), Number.POSITIVE_INFINITY)).toHaveLength(4);
  });

  it("shows a file that is new or gone as a whole, and nothing of twins", () => {
    expect(told("", "a\nb\n")).toEqual(["added - 1 a", "added - 2 b"]);
    expect(told("a\n", "")).toEqual(["removed 1 - a"]);
    expect(told("a\n", "a\n")).toEqual([]);
    expect(told("", "")).toEqual([]);
  });

  it("shows ends of lines and of files that differ alone", () => {
    expect(told("a\r\n", "a\n")).toEqual(["removed 1 - a␍", "added - 1 a"]);
    expect(told("a", "a\n")).toEqual(["removed 1 - a", "note - - No newline at end of file", "added - 1 a"]);
  });

  it("gives up on the least difference in time, and shows all as replaced", () => {
    const found = linesOf(numbered(5000), numbered(5000, 10_000), 3, 0);
    expect([found.least, found.removed, found.added]).toEqual([false, 5000, 5000]);
    expect(found.lines[5000]).toEqual({ kind: "added", before: null, after: 1, text: "line 10000" });
  });
});

describe("the text of bytes", () => {
  const bytes = (...parts: number[]) => new Uint8Array(parts);

  it("is UTF-8 whose last character may be cut off, and none of what is no text", () => {
    expect(textOf(new TextEncoder().encode("é\n"))).toBe("é\n");
    expect(textOf(bytes(0x61, 0xc3))).toBe("a");
    expect(textOf(bytes(0x61, 0))).toBeNull();
    expect(textOf(bytes(0xff, 0xfe, 0xfd, 0x61))).toBeNull();
    expect(textOf(bytes())).toBe("");
  });
});

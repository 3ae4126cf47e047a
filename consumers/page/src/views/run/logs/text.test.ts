// @vitest-environment node
import { expect, it } from "vitest";
import { LogText, plain, search } from "./text";

function fed(...pieces: (string | Uint8Array)[]): LogText {
  const text = new LogText();
  for (const piece of pieces) text.feed(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  return text;
}

const lines = (text: LogText): string[] => text.lines.map(plain);

it("makes one line of a progress bar", () => {
  expect(lines(fed("epoch 1\n", " 10%\r 50%\r100%\ndone"))).toEqual(["epoch 1", "100%", "done"]);
  expect(lines(fed("long text\rnew"))).toEqual(["newg text"]);
  expect(lines(fed("long text\r\u001b[Knew"))).toEqual(["new"]);
});

it("reads the same however the bytes are cut", () => {
  const bytes = new TextEncoder().encode(
    "a \u001b[31mröd 漢字\u001b[0m\r\nnext 🙂\u001b]0;title\u0007\tx\u001b[38;5;46mgreen",
  );
  const whole = fed(bytes);
  for (let cut = 1; cut < bytes.length; cut++) {
    const parts = fed(bytes.slice(0, cut), bytes.slice(cut));
    expect(parts.lines).toEqual(whole.lines);
  }
  expect(lines(whole)).toEqual(["a röd 漢字", "next 🙂  xgreen"]);
});

it("keeps colours until they change, over lines too", () => {
  const text = fed("\u001b[1;31mbad\nstill\u001b[0m fine");
  expect(text.lines).toEqual([
    [{ text: "bad", style: "fg1 bold" }],
    [
      { text: "still", style: "fg1 bold" },
      { text: " fine", style: "" },
    ],
  ]);
});

it("brings all colours to those of the theme", () => {
  expect(fed("\u001b[38;2;250;10;10mx").lines[0]?.[0]?.style).toBe("fg9");
  expect(fed("\u001b[48;5;2mx").lines[0]?.[0]?.style).toBe("bg2");
  expect(fed("\u001b[91mx\u001b[39my").lines[0]?.map((span) => span.style)).toEqual(["fg9", ""]);
});

it("cuts a line that never ends, and says so", () => {
  const text = fed("x".repeat(30_000), "y\nnext");
  expect(plain(text.lines[0] ?? []).length).toBeLessThan(20_100);
  expect(plain(text.lines[0] ?? [])).toContain("line cut here");
  expect(lines(text)[1]).toBe("next");
});

it("passes over sequences and control characters that say nothing here", () => {
  expect(lines(fed("a\u0000b\u001b[2Jc\u001b(Bd"))).toEqual(["abcBd"]);
});

it("finds lines, with regard to case only where a capital is asked for", () => {
  const text = fed("Loss 1\nloss 2\nother");
  expect(search(text.lines, "loss")).toEqual([0, 1]);
  expect(search(text.lines, "Loss")).toEqual([0]);
  expect(search(text.lines, "")).toEqual([]);
});

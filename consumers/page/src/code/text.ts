/** Bytes of a file as the text that they are, if they are. Pure. */

/** UTF-8 text, or null: a NUL or much that is no UTF-8 is no text. A character cut at the end is let go. */
export function textOf(data: Uint8Array): string | null {
  if (data.includes(0)) return null;
  const text = new TextDecoder().decode(data).replace(/\uFFFD{1,3}$/, "");
  const broken = text.split("\uFFFD").length - 1;
  return broken > text.length / 50 ? null : text;
}

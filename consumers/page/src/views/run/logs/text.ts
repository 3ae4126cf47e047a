/**
 * Log bytes as lines, as a terminal would leave them: `\r` goes back to the start of the line, so a progress bar is one line
 * that changes, and colours (SGR) hold until they are changed. Pure, and fed piece by piece.
 */

export interface Span {
  readonly text: string;
  /** Classes such as "fg1 bold"; "" for plain. */
  readonly style: string;
}

export type Line = readonly Span[];

interface Style {
  fg: string;
  bg: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

interface Cell {
  char: string;
  style: string;
}

const PLAIN: Style = { fg: "", bg: "", bold: false, dim: false, italic: false, underline: false, inverse: false };
const LINE_MAX = 20_000; // characters of a line that are kept; what follows is told as cut
const ESCAPE_MAX = 256;

export class LogText {
  readonly lines: Line[] = [];
  private cells: Cell[] = [];
  private column = 0;
  private style: Style = { ...PLAIN };
  private styleText = "";
  private decoder = new TextDecoder();
  private pending = "";
  private open = false;
  private skipped = false;

  /** More bytes of the log. The last line may change with the next ones. */
  feed(bytes: Uint8Array): void {
    const text = this.pending + this.decoder.decode(bytes, { stream: true });
    this.pending = "";
    if (this.open) this.lines.pop();
    let at = 0;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === 10) {
        this.finish();
        at += 1;
      } else if (code === 13) {
        this.column = 0;
        at += 1;
      } else if (code === 8) {
        this.column = Math.max(0, this.column - 1);
        at += 1;
      } else if (code === 9) {
        do this.put(" ");
        while (this.column % 8 !== 0);
        at += 1;
      } else if (code === 27) {
        const read = this.escape(text, at);
        if (read === null) {
          this.pending = text.slice(at);
          break;
        }
        at = read;
      } else if (code < 32 || code === 127) {
        at += 1;
      } else {
        const char = String.fromCodePoint(text.codePointAt(at) as number);
        this.put(char);
        at += char.length;
      }
    }
    this.open = this.cells.length > 0 || this.skipped;
    if (this.open) this.lines.push(this.made());
  }

  private put(char: string): void {
    if (this.column >= LINE_MAX) {
      this.skipped = true;
      return;
    }
    while (this.cells.length < this.column) this.cells.push({ char: " ", style: "" });
    this.cells[this.column] = { char, style: this.styleText };
    this.column += 1;
  }

  private finish(): void {
    this.lines.push(this.made());
    this.cells = [];
    this.column = 0;
    this.skipped = false;
  }

  private made(): Line {
    const spans: { text: string; style: string }[] = [];
    for (const cell of this.cells) {
      const last = spans[spans.length - 1];
      if (last !== undefined && last.style === cell.style) last.text += cell.char;
      else spans.push({ text: cell.char, style: cell.style });
    }
    if (this.skipped) spans.push({ text: " … (line cut here)", style: "dim" });
    return spans;
  }

  /** Index after an escape sequence, having done what it says; null when more bytes are needed to know. */
  private escape(text: string, at: number): number | null {
    const kind = text[at + 1];
    if (kind === undefined) return null;
    if (kind === "]") {
      const bell = text.indexOf("\u0007", at);
      const stop = text.indexOf("\u001b\\", at);
      if (bell < 0 && stop < 0) return text.length - at > ESCAPE_MAX ? at + 2 : null;
      return bell >= 0 && (stop < 0 || bell < stop) ? bell + 1 : stop + 2;
    }
    if (kind !== "[") return at + 2;
    for (let end = at + 2; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code >= 0x40 && code <= 0x7e) {
        this.control(text[end] as string, text.slice(at + 2, end));
        return end + 1;
      }
      if (end - at > ESCAPE_MAX) return end;
    }
    return null;
  }

  private control(final: string, parameters: string): void {
    const numbers = parameters.split(";").map((part) => Number(part) || 0);
    const n = Math.max(1, numbers[0] ?? 1);
    if (final === "m") {
      this.colour(numbers);
      this.styleText = styleText(this.style);
    } else if (final === "K") {
      if ((numbers[0] ?? 0) === 0) this.cells.length = Math.min(this.cells.length, this.column);
      else if (numbers[0] === 2) this.cells = [];
    } else if (final === "G") this.column = n - 1;
    else if (final === "C") this.column += n;
    else if (final === "D") this.column = Math.max(0, this.column - n);
    this.column = Math.min(this.column, LINE_MAX);
  }

  private colour(codes: readonly number[]): void {
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i] as number;
      if (code === 0) this.style = { ...PLAIN };
      else if (code === 1) this.style.bold = true;
      else if (code === 2) this.style.dim = true;
      else if (code === 3) this.style.italic = true;
      else if (code === 4) this.style.underline = true;
      else if (code === 7) this.style.inverse = true;
      else if (code === 22) this.style.bold = this.style.dim = false;
      else if (code === 23) this.style.italic = false;
      else if (code === 24) this.style.underline = false;
      else if (code === 27) this.style.inverse = false;
      else if (code >= 30 && code <= 37) this.style.fg = String(code - 30);
      else if (code >= 90 && code <= 97) this.style.fg = String(code - 82);
      else if (code === 39) this.style.fg = "";
      else if (code >= 40 && code <= 47) this.style.bg = String(code - 40);
      else if (code >= 100 && code <= 107) this.style.bg = String(code - 92);
      else if (code === 49) this.style.bg = "";
      else if (code === 38 || code === 48) {
        const to = code === 38 ? "fg" : "bg";
        if (codes[i + 1] === 5) {
          this.style[to] = fromTable(codes[i + 2] ?? 0);
          i += 2;
        } else if (codes[i + 1] === 2) {
          this.style[to] = nearest(codes[i + 2] ?? 0, codes[i + 3] ?? 0, codes[i + 4] ?? 0);
          i += 4;
        }
      }
    }
  }
}

/** Text of a line, without colours. */
export function plain(line: Line): string {
  return line.map((span) => span.text).join("");
}

/** Numbers of the lines that hold a text, without regard to case unless it has capitals. */
export function search(lines: readonly Line[], wanted: string, from = 0): number[] {
  if (wanted === "") return [];
  const exact = wanted !== wanted.toLowerCase();
  const found: number[] = [];
  for (let i = from; i < lines.length; i++) {
    const text = plain(lines[i] as Line);
    if ((exact ? text : text.toLowerCase()).includes(wanted)) found.push(i);
  }
  return found;
}

function styleText(style: Style): string {
  const classes: string[] = [];
  if (style.fg) classes.push(`fg${style.fg}`);
  if (style.bg) classes.push(`bg${style.bg}`);
  for (const name of ["bold", "dim", "italic", "underline", "inverse"] as const) if (style[name]) classes.push(name);
  return classes.join(" ");
}

/** Of the 256 colours the nearest of the 16 that a theme has. */
function fromTable(n: number): string {
  if (n < 16) return String(n);
  if (n >= 232) return n < 240 ? "8" : n < 250 ? "7" : "15";
  const cube = n - 16;
  return nearest((Math.floor(cube / 36) * 255) / 5, ((Math.floor(cube / 6) % 6) * 255) / 5, ((cube % 6) * 255) / 5);
}

function nearest(red: number, green: number, blue: number): string {
  const most = Math.max(red, green, blue);
  if (most < 48) return "0";
  const half = most * 0.6;
  const bits = (red >= half ? 1 : 0) + (green >= half ? 2 : 0) + (blue >= half ? 4 : 0);
  return String(bits + (most > 190 ? 8 : 0));
}

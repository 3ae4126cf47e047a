/** What may come next in a filter, from the text before the cursor. Knows words, not their meaning: the server judges. */

export type Expected = "ref" | "operator" | "value" | "joiner";

export interface Context {
  readonly expected: Expected;
  /** What of the next word stands there already, and where it begins. */
  readonly prefix: string;
  readonly from: number;
  /** Of a value: what it is compared with. */
  readonly ref: string;
}

interface Token {
  readonly text: string;
  readonly from: number;
  readonly kind: "word" | "quoted" | "operator" | "punctuation";
}

const TOKEN =
  /\s*(?:([<>!]=|[=<>~])|([(),])|("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|((?:[^\s()=!<>~,"']|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)+))/gsy;

export const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "~", "in (", "not in (", "exists"] as const;

export function contextAt(text: string, cursor: number): Context {
  const before = text.slice(0, cursor);
  const tokens = tokensOf(before);
  const last = tokens[tokens.length - 1];
  const unfinished =
    last !== undefined && last.kind !== "operator" && last.kind !== "punctuation" && !/\s$/.test(before)
      ? last
      : undefined;
  const whole = unfinished === undefined ? tokens : tokens.slice(0, -1);
  const { expected, ref } = after(whole);
  return {
    expected,
    prefix: unfinished?.text ?? "",
    from: unfinished?.from ?? cursor,
    ref,
  };
}

/** The text with the word at the cursor replaced, and where the cursor goes. */
export function completed(
  text: string,
  cursor: number,
  context: Context,
  by: string,
): { text: string; cursor: number } {
  const opens = by.endsWith("(");
  const word = opens ? by : `${by} `;
  const rest = text.slice(cursor).replace(/^\s+/, "");
  return { text: text.slice(0, context.from) + word + rest, cursor: context.from + word.length };
}

function after(tokens: readonly Token[]): { expected: Expected; ref: string } {
  let expected: Expected = "ref";
  let ref = "";
  let inList = false;
  for (const token of tokens) {
    const word = token.kind === "word" ? token.text.toLowerCase() : token.text;
    if (word === "(" && expected === "value") inList = true;
    else if (word === "(") expected = "ref";
    else if (word === ")") {
      expected = "joiner";
      inList = false;
    } else if (word === ",") expected = "value";
    else if (token.kind === "operator" || (word === "in" && expected === "operator")) expected = "value";
    else if (word === "exists" && expected === "operator") expected = "joiner";
    else if (word === "not" && expected === "operator") expected = "operator";
    else if (word === "and" || word === "or" || word === "not") expected = "ref";
    else if (expected === "ref") {
      ref = token.text;
      expected = "operator";
    } else if (expected === "value") expected = inList ? "value" : "joiner";
  }
  return { expected, ref };
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) {
      // What no token can begin with (a lone "!") is passed over.
      if (at >= text.trimEnd().length) return tokens;
      TOKEN.lastIndex = at + 1;
      continue;
    }
    const [, operator, punctuation, quoted, word] = found;
    const said = operator ?? punctuation ?? quoted ?? word ?? "";
    const kind =
      operator !== undefined
        ? "operator"
        : punctuation !== undefined
          ? "punctuation"
          : quoted !== undefined
            ? "quoted"
            : "word";
    tokens.push({ text: said, from: TOKEN.lastIndex - said.length, kind });
  }
}

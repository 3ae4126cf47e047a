"""Text -> tree. The one importer of lark; the grammar stands in filter.lark.

    filter_of('status = Failed and metric.loss.min < 0.2')  a tree, checked: refs exist, values are of their type
    refs_of('tag.team,metric.loss')                         refs, as `columns` names them
    places_of('-created,metric.loss.min')                   (ref, descending), as `sort` names them

What is wrong is told with its place, 0-based in characters, and with what was expected there, in words.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any, Literal, NoReturn

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from runfold_consumers.api.errors import ApiError
from runfold_consumers.api.search import tree
from runfold_consumers.api.search.tree import FIELDS, OFS, Ref
from runfold_consumers.api.search.values import NotOne, alternatives, value_of

LENGTH_MAX = 8_192
DEPTH_MAX = 32
"""Of parentheses and `not` around each other."""
TERMS_MAX = 100
"""Comparisons in a filter."""
VALUES_MAX = 500
"""Values that they compare with, those of `in (...)` included."""
REFS_MAX = 200
"""Refs of a list."""

Start = Literal["filter", "refs", "sort"]
_VALUE = 'a value: a word, a number, a time or "a text"'
_WORDS = {
    "REF": "a name: a field such as status, tag.<key>, property.<key> or metric.<name>",
    "OPERATOR": "a comparison: = != < <= > >=",
    "GLOB": "~",
    "QUOTED": _VALUE,
    "WORD": _VALUE,
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "MINUS": "-",
    "$END": "the end",
}
_SEGMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[^.]+', re.DOTALL)
_ESCAPED = re.compile(r"\\([\\\"'])")
_WHOLE = {
    "tag": "tag.<key>",
    "property": "property.<key>",
    "metric": "metric.<name>, metric.<name>.last, .min, .max or .count",
}


class FilterError(ApiError):
    """Something that was asked for cannot be read: 400 `filter`, with `position`, `expected` and `text`."""

    def __init__(self, text: str, position: int, message: str, expected: list[str], parameter: str) -> None:
        super().__init__(
            400,
            "filter",
            f"{parameter}, at character {position}: {message}",
            position=position,
            expected=expected,
            text=text[:LENGTH_MAX],
            parameter=parameter,
        )


def filter_of(text: str) -> tree.Tree | None:
    """The tree of a filter, None of one that is empty.

    Raises:
        FilterError: it is none, or passes a limit.
    """
    if not text.strip():
        return None
    reading = _Reading(text, "q")
    return reading.node(reading.parsed("filter").children[0])


def refs_of(text: str, parameter: str = "columns") -> list[tuple[str, Ref]]:
    """The refs of a list, each as it was written and as it was understood; empty of an empty text.

    Raises:
        FilterError: it is no list of refs, or too long.
    """
    if not text.strip():
        return []
    reading = _Reading(text, parameter)
    return [(str(part.children[0]), reading.ref(part)) for part in reading.parsed("refs").children]


def places_of(text: str, parameter: str = "sort") -> list[tuple[Ref, bool]]:
    """The refs of an order, each with whether it descends.

    Raises:
        FilterError: it is no order.
    """
    reading = _Reading(text, parameter)
    return [(reading.ref(part.children[0]), part.data == "descending") for part in reading.parsed("sort").children]


@cache
def _parser() -> Lark:
    grammar = (resources.files(__package__) / "filter.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start=["filter", "refs", "sort"], maybe_placeholders=False)


class _Reading:
    """One text on its way to a tree."""

    def __init__(self, text: str, parameter: str) -> None:
        self._text, self._parameter = text, parameter

    def fail(self, position: int, message: str, expected: list[str]) -> NoReturn:
        raise FilterError(self._text, position, message, expected, self._parameter)

    def parsed(self, start: Start) -> Any:
        """The parse tree. Limits are looked at token by token: what passes one is read no further."""
        if len(self._text) > LENGTH_MAX:
            message = f"it has {len(self._text):,} characters; allowed are {LENGTH_MAX:,}"
            self.fail(LENGTH_MAX, message, ["a shorter text"])
        parser = _parser().parse_interactive(self._text, start=start)
        open_, terms, values, refs = [0], 0, 0, 0  # open_: per open parenthesis the `not`s that await their part
        read: list[Token] = []
        try:
            for token in parser.lexer_thread.lex(parser.parser_state):  # type: ignore[no-untyped-call]
                parser.feed_token(token)
                read.append(token)
                terms += token.type in ("OPERATOR", "GLOB", "_IN", "_EXISTS")
                values += token.type in ("QUOTED", "WORD")
                refs += token.type == "REF"
                if token.type == "LPAR":
                    open_.append(0)
                elif token.type == "RPAR":
                    open_.pop()
                    open_[-1] = 0
                elif token.type == "_NOT":
                    open_[-1] += 1
                elif token.type != "REF":
                    open_[-1] = 0
                depth = len(open_) - 1 + sum(open_)
                for what, count, most in (
                    ("parentheses and nots inside each other", depth, DEPTH_MAX),
                    ("comparisons", terms, TERMS_MAX),
                    ("values", values, VALUES_MAX),
                    ("names", refs, max(REFS_MAX, TERMS_MAX)),
                ):
                    if count > most:
                        self.fail(
                            token.start_pos or 0, f"these are more than {most} {what}", [f"at most {most} {what}"]
                        )
            return parser.feed_eof()  # type: ignore[no-untyped-call]
        except UnexpectedInput as error:
            self._unexpected(error, start, read)

    def _unexpected(self, error: UnexpectedInput, start: Start, read: list[Token]) -> NoReturn:
        parser = _parser().parse_interactive(
            self._text, start=start
        )  # anew: the token that was wrong has moved the other
        for token in read:
            parser.feed_token(token)
        accepted = parser.accepts()  # type: ignore[no-untyped-call]
        after_ref = "OPERATOR" in accepted
        expected = sorted({_word(name, after_ref) for name in accepted})
        position = len(self._text) if error.pos_in_stream is None else error.pos_in_stream
        found = "the end"
        if isinstance(error, UnexpectedCharacters):
            found = repr(self._text[position])
            if self._text[position] in "\"'":
                self.fail(position, f"the quote {found} is never closed", [f"a closing {self._text[position]}"])
        elif isinstance(error, UnexpectedToken) and error.token.type == "$END":
            position = len(self._text)
        elif isinstance(error, UnexpectedToken):
            position = error.token.start_pos or 0
            found = repr(str(error.token)[:40])
        self.fail(position, f"found {found}; expected {alternatives(expected)}", expected)

    def node(self, part: Any) -> tree.Tree:
        """The typed node of a parse tree's node; its depth is bounded by `parsed`."""
        children = part.children
        match part.data:
            case "either" | "both":
                kind = tree.Or if part.data == "either" else tree.And
                parts: list[tree.Tree] = []
                for child in map(self.node, children):
                    parts += child.parts if isinstance(child, kind) else [child]
                return kind(tuple(parts))
            case "negation":
                return tree.Not(self.node(children[0]))
            case "comparison":
                return self._comparison(*children)
            case "among" | "not_among":
                ref = self.ref(children[0])
                return tree.Among(ref, tuple(self._value(ref, v) for v in children[1:]), part.data == "not_among")
            case "matches":
                return self._matches(*children)
            case _:
                return tree.Exists(self.ref(children[0]))

    def _comparison(self, ref_part: Tree[Token], operator: Token, value_part: Tree[Token]) -> tree.Comparison:
        ref = self.ref(ref_part)
        if ref.type == "truth" and operator not in ("=", "!="):
            self.fail(operator.start_pos or 0, f"{ref} is true or false, neither is less", ["=", "!="])
        return tree.Comparison(ref, operator.value, self._value(ref, value_part))

    def _matches(self, ref_part: Tree[Token], glob: Token, value_part: Tree[Token]) -> tree.Matches:
        ref = self.ref(ref_part)
        if ref.type != "text":
            message = f"{ref} is a {ref.type}, and ~ compares texts with a pattern"
            self.fail(glob.start_pos or 0, message, [_WORDS["OPERATOR"], "in", "exists"])
        token = value_part.children[0]
        assert isinstance(token, Token)
        return tree.Matches(ref, self._storable(token, _unquoted(token)))

    def _value(self, ref: Ref, part: Tree[Token]) -> tree.Value:
        token = part.children[0]
        assert isinstance(token, Token)
        text = self._storable(token, _unquoted(token))
        try:
            return value_of(ref, text, token.type == "QUOTED")
        except NotOne as error:
            self.fail(token.start_pos or 0, str(error), error.expected)

    def _storable(self, token: Token, text: str) -> str:
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self.fail(token.start_pos or 0, "it holds NUL or a lone surrogate, which no value can", [_VALUE])
        return text

    def ref(self, part: Any) -> Ref:
        """The ref of its token: it exists, and has all that its kind needs."""
        token: Token = part.children[0]
        at = token.start_pos or 0
        segments = _SEGMENT.findall(token)
        kind, keys = segments[0], [self._storable(token, _unquoted(segment)) for segment in segments[1:]]
        if kind in FIELDS:
            if keys:
                self.fail(at + len(kind), f"{kind} is a field, nothing stands below it", [kind])
            return Ref("field", kind)
        if kind not in _WHOLE:
            allowed = [*FIELDS, *_WHOLE.values()]
            self.fail(at, f"there is no {kind!r}; there are {alternatives(allowed)}", allowed)
        if not keys or "" in keys:
            self.fail(at, f"{kind} needs what it is called", [_WHOLE[kind]])
        if kind != "metric":
            if len(keys) > 1:
                whole = f"{kind}.{tree.quoted('.'.join(keys))}"
                self.fail(at, f"a key with dots stands in quotes: {whole}", [whole])
            return Ref("tag" if kind == "tag" else "property", keys[0])
        return self._metric(at, segments[1:], keys)

    def _metric(self, at: int, written: list[str], keys: list[str]) -> Ref:
        of: tree.Of = "last"
        if len(keys) > 1 and written[-1] in OFS:  # in quotes it is a column
            of = written[-1]
            written, keys = written[:-1], keys[:-1]
        if len(keys) > 2 or (len(keys) == 2 and written[1][0] not in "\"'"):
            whole = [f"metric.{tree.quoted('.'.join(keys))}", f"metric.{tree.quoted(keys[0])}.{tree.quoted(keys[1])}"]
            message = (
                f"{'.'.join(written[1:])!r} is none of {alternatives(OFS)}; a name with dots stands in quotes, "
                f"{whole[0]}, and so does a column of rows or a table, {whole[1]}"
            )
            self.fail(at, message, [*OFS, *whole])
        return Ref("metric", keys[0], keys[1] if len(keys) == 2 else None, of)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1]) if text[:1] in ("'", '"') else str(text)


def _word(terminal: str, after_ref: bool) -> str:
    if terminal == "_NOT" and after_ref:
        return "not in"
    return _WORDS.get(terminal) or terminal.strip("_").lower()

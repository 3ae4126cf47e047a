"""Filters and orders of any shape, by Hypothesis; over what the population has, so that they are true of some runs."""

from __future__ import annotations

from datetime import timedelta, timezone

from hypothesis import strategies as st

from runfold_consumers.api.search import tree as t
from runfold_consumers.api.search.values import value_of
from tests.consumers.api.search.population import KEYS, METRICS, START, TEXTS

FIELDS = st.sampled_from([t.Ref("field", name) for name in t.FIELDS])
WORDS = st.builds(t.Ref, st.sampled_from(["tag", "property"]), st.sampled_from([*KEYS, "none"]))
METRIC = st.builds(
    lambda which, of: t.Ref("metric", *which, of), st.sampled_from([*METRICS, ("none", None)]), st.sampled_from(t.OFS)
)
REFS = st.one_of(FIELDS, WORDS, METRIC)
_NUMBER = st.sampled_from(["0", "0.25", "1", "1.0", "1e3", "-1.5", "2", ".5", "+3", "1e9", "7"])
_ANY_NUMBER = st.one_of(_NUMBER, st.sampled_from(["NaN", "inf", "-Infinity"])).map(t.Number)
_MOMENT = st.integers(-5, 45).map(lambda hours: t.Moment(START + timedelta(hours=hours)))
_AGO = st.sampled_from(["-7d", "-90s", "-1.5h", "-2w", "-15m"])
_WORDS_OF = {
    "status": ["Completed", "Failed", "Running", "NotStarted", "Odd", "Canceled"],
    "complete": ["open", "complete", "complete_with_declared_loss"],
    "experiment": ["digits", "Faces", "none"],
    "run_id": ["r0", "R1", "r5"],
    "parent": ["r0", "r1", "none"],
    "name": ["Digits 1", "digits_2", "Faces", "z"],
}


def values(ref: t.Ref) -> st.SearchStrategy[t.Value]:
    """Values of the ref's type."""
    if ref.type == "number":
        return _ANY_NUMBER
    if ref.type == "time":
        ago = _AGO.map(lambda text: value_of(ref, text, False))
        return st.one_of(_MOMENT, ago)
    if ref.type == "truth":
        return st.booleans().map(t.Truth)
    texts = st.sampled_from(
        _WORDS_OF[ref.name] if ref.kind == "field" and ref.name in _WORDS_OF else [*TEXTS, "ann", "gpu"]
    )
    return texts.map(t.Text) if ref.kind == "field" else st.one_of(texts.map(t.Text), _NUMBER.map(t.Number))


def _comparison(ref: t.Ref) -> st.SearchStrategy[t.Tree]:
    operators = ["=", "!="] if ref.type == "truth" else ["=", "!=", "<", "<=", ">", ">="]
    kinds: list[st.SearchStrategy[t.Tree]] = [
        st.builds(t.Comparison, st.just(ref), st.sampled_from(operators), values(ref)),
        st.builds(t.Among, st.just(ref), st.lists(values(ref), min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(t.Exists, st.just(ref)),
    ]
    if ref.type == "text":
        patterns = st.sampled_from(["*", "a*", "*b?c", "DIGITS*", "a\\%b*", "?", "", "*\\", "a%*", "f\\aces", "x*"])
        kinds.append(st.builds(t.Matches, st.just(ref), patterns))
    return st.one_of(kinds)


LEAVES = REFS.flatmap(_comparison)


def _joined(parts: st.SearchStrategy[t.Tree]) -> st.SearchStrategy[t.Tree]:
    return st.one_of(
        parts.map(t.Not),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: _flat(t.And, some)),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: _flat(t.Or, some)),
    )


def _flat(kind: type[t.And] | type[t.Or], parts: list[t.Tree]) -> t.Tree:
    flat: list[t.Tree] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else [part]
    return kind(tuple(flat))


TREES = st.recursive(LEAVES, _joined, max_leaves=5)
ORDERS = st.lists(st.tuples(REFS, st.booleans()), min_size=1, max_size=3)

_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
_KEY = _TEXT.filter(bool)
ANY_REF = st.one_of(
    FIELDS,
    st.builds(t.Ref, st.sampled_from(["tag", "property"]), _KEY),
    st.builds(t.Ref, st.just("metric"), _KEY, st.one_of(st.none(), _KEY), st.sampled_from(t.OFS)),
)


def _any_leaf(ref: t.Ref) -> st.SearchStrategy[t.Tree]:
    if ref.type == "text" and ref.name not in ("status", "complete"):
        texts = st.one_of(_TEXT.map(t.Text), *([_NUMBER.map(t.Number)] if ref.kind != "field" else []))
        return st.one_of(
            st.builds(t.Comparison, st.just(ref), st.sampled_from(["=", "!=", "<", ">="]), texts),
            st.builds(t.Among, st.just(ref), st.lists(texts, min_size=1, max_size=3).map(tuple), st.booleans()),
            st.builds(t.Matches, st.just(ref), _TEXT),
        )
    if ref.type == "time":
        moments = st.datetimes(timezones=st.just(timezone.utc)).map(t.Moment)
        return st.builds(t.Comparison, st.just(ref), st.sampled_from(["=", "<", ">="]), moments)
    return _comparison(ref)


ANY_TREES = st.recursive(ANY_REF.flatmap(_any_leaf), _joined, max_leaves=8)
"""Of any text in keys and values: for the language alone."""

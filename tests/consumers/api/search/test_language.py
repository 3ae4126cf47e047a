"""The filter language: text -> tree, the tree's text again, and errors that point at their place."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings

from runfold_consumers.api.search import tree as t
from runfold_consumers.api.search.language import (
    DEPTH_MAX,
    LENGTH_MAX,
    REFS_MAX,
    TERMS_MAX,
    VALUES_MAX,
    FilterError,
    filter_of,
    places_of,
    refs_of,
)
from tests.consumers.api.search.trees import ANY_REF, ANY_TREES

LOSS = t.Ref("metric", "loss")
TEAM = t.Ref("tag", "team")


@given(ANY_TREES)
@settings(max_examples=150, deadline=None)
def test_what_a_tree_prints_reads_as_the_same_tree(tree: t.Tree) -> None:
    assert filter_of(t.text_of(tree)) == tree


@given(ANY_REF)
@settings(max_examples=100, deadline=None)
def test_what_a_ref_prints_reads_as_the_same_ref(ref: t.Ref) -> None:
    assert [read for _, read in refs_of(str(ref))] == [ref]
    assert places_of(f"-{ref}") == [(ref, True)]


READ: list[tuple[str, t.Tree]] = [
    ("status = completed", t.Comparison(t.Ref("field", "status"), "=", t.Text("Completed"))),
    ("status=Odd", t.Comparison(t.Ref("field", "status"), "=", t.Text("Odd"))),
    ("metric.loss<0.2", t.Comparison(LOSS, "<", t.Number("0.2"))),
    ("metric.loss.last >= -1e3", t.Comparison(LOSS, ">=", t.Number("-1e3"))),
    ('metric."val/acc".max > NaN', t.Comparison(t.Ref("metric", "val/acc", None, "max"), ">", t.Number("NaN"))),
    ("metric.t.'max' exists", t.Exists(t.Ref("metric", "t", "max"))),
    ("metric.t.max exists", t.Exists(t.Ref("metric", "t", None, "max"))),
    ('tag."my key" EXISTS', t.Exists(t.Ref("tag", "my key"))),
    ("tag.größe exists", t.Exists(t.Ref("tag", "größe"))),
    ("tag.lr = 1e-3", t.Comparison(t.Ref("tag", "lr"), "=", t.Number("1e-3"))),
    ("tag.lr = '1e-3'", t.Comparison(t.Ref("tag", "lr"), "=", t.Text("1e-3"))),
    ("tag.v = 1e999", t.Comparison(t.Ref("tag", "v"), "=", t.Text("1e999"))),
    ("tag.x = @a/b:c-1.2", t.Comparison(t.Ref("tag", "x"), "=", t.Text("@a/b:c-1.2"))),
    ("tag.notes = andy", t.Comparison(t.Ref("tag", "notes"), "=", t.Text("andy"))),
    (r'tag.x = "a\"b\\c\d"', t.Comparison(t.Ref("tag", "x"), "=", t.Text('a"b\\c\\d'))),
    ("created > -1.5d", t.Comparison(t.Ref("field", "created"), ">", t.Ago("-1.5d", timedelta(days=1.5)))),
    (
        'created < "2026-11-01 10:30:05.5+02:00"',
        t.Comparison(t.Ref("field", "created"), "<", t.Moment(datetime(2026, 11, 1, 8, 30, 5, 500_000, timezone.utc))),
    ),
    ("archived != TRUE", t.Comparison(t.Ref("field", "archived"), "!=", t.Truth(True))),
    (
        "tag.team in (a, 'b', 1) Or nOt tag.team not in (c)",
        t.Or(
            (
                t.Among(TEAM, (t.Text("a"), t.Text("b"), t.Number("1"))),
                t.Not(t.Among(TEAM, (t.Text("c"),), True)),
            )
        ),
    ),
    (
        "not tag.team exists and (metric.loss = 1 or tag.team ~ a*)",
        t.And(
            (
                t.Not(t.Exists(TEAM)),
                t.Or((t.Comparison(LOSS, "=", t.Number("1")), t.Matches(TEAM, "a*"))),
            )
        ),
    ),
]


@pytest.mark.parametrize(("text", "tree"), READ, ids=lambda one: str(one)[:40])
def test_filters_read_as_they_are_meant(text: str, tree: t.Tree) -> None:
    assert filter_of(text) == tree


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_filter_asks_for_nothing(text: str) -> None:
    assert filter_of(text) is None
    assert refs_of(text) == []


WRONG = [
    ("status", 6, "a comparison: = != < <= > >="),
    ("status Failed", 7, "exists"),
    ("status =", 8, 'a value: a word, a number, a time or "a text"'),
    ("tag.x = and tag.y = 1", 8, 'a value: a word, a number, a time or "a text"'),
    ("(status = Failed", 16, ")"),
    ("status = Failed)", 15, "and"),
    ("status = Failed tag.x exists", 16, "the end"),
    ("status = Failed and", 19, "not"),
    ('tag.x = "abc', 8, 'a closing "'),
    ("tag.x in (a b)", 12, ")"),
    ("tag.x = 'it''s'", 12, "and"),
    ("tag.x in ()", 10, 'a value: a word, a number, a time or "a text"'),
    ("tag.x not = 1", 10, "in"),
    ("loss < 1", 0, "metric.<name>, metric.<name>.last, .min, .max or .count"),
    ("tag exists", 0, "tag.<key>"),
    ('tag."" exists', 0, "tag.<key>"),
    ("tag.a.b exists", 0, 'tag."a.b"'),
    ("status.x = 1", 6, "status"),
    ("metric.loss.avg < 1", 0, "max"),
    ("metric.a.b.c < 1", 0, 'metric."a.b.c"'),
    ("metric.loss < abc", 14, "a number, such as 0.2 or 1e-3"),
    ('metric.loss.min < "1"', 18, "a number, such as 0.2 or 1e-3"),
    ("metric.loss < 1e999", 14, "a number"),
    ("metric.loss ~ 1*", 12, "in"),
    ("created > 31", 10, "a date, such as 2026-11-01"),
    ("created > 2026-02-31", 10, "a date, such as 2026-11-01"),
    ("created < 0001-01-01T00:00+10:00", 10, "a date, such as 2026-11-01"),
    ("created = 1.5", 10, "a date, such as 2026-11-01"),
    ("archived = maybe", 11, "true"),
    ("archived < true", 9, "="),
    ("complete = done", 11, "complete_with_declared_loss"),
    ("tag.x = 'a\0b'", 8, 'a value: a word, a number, a time or "a text"'),
    ("tag.x = '\ud800'", 8, 'a value: a word, a number, a time or "a text"'),
    ("!", 0, "not"),
]


@pytest.mark.parametrize(("text", "position", "expected"), WRONG, ids=lambda one: repr(one)[:40])
def test_an_error_points_at_its_place_and_says_what_was_expected(text: str, position: int, expected: str) -> None:
    with pytest.raises(FilterError) as caught:
        filter_of(text)
    facts = caught.value.facts
    assert (caught.value.status, caught.value.code) == (400, "filter")
    assert facts["position"] == position, caught.value.message
    assert expected in facts["expected"], caught.value.message
    assert facts["text"] == text
    for name in facts["expected"]:
        assert name not in ("REF", "WORD", "QUOTED", "OPERATOR", "LPAR", "$END")
        assert not name.startswith("_")


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(FilterError, match=r"there is no 'loss'; there are status, .*tag.<key>, property.<key>"):
        filter_of("loss = 1")


LIMITS = [
    ("tag.x = " + "a" * LENGTH_MAX, "characters"),
    ("(" * (DEPTH_MAX + 1), "inside each other"),
    ("not " * (DEPTH_MAX + 1) + "tag.x exists", "inside each other"),
    ("(not " * 17 + "tag.x exists" + ")" * 17, "inside each other"),
    (" and ".join(["tag.x exists"] * (TERMS_MAX + 1)), "comparisons"),
    ("tag.x in (" + ",".join("1" * (VALUES_MAX + 1)) + ")", "values"),
    ("(" * 4_000, "inside each other"),
]


@pytest.mark.parametrize(("text", "what"), LIMITS, ids=range(len(LIMITS)))
def test_what_passes_a_limit_is_refused_where_it_does(text: str, what: str) -> None:
    with pytest.raises(FilterError, match=what) as caught:
        filter_of(text)
    assert caught.value.facts["position"] <= LENGTH_MAX


def test_what_keeps_the_limits_is_read() -> None:
    assert filter_of("not " * DEPTH_MAX + "tag.x exists") is not None
    assert filter_of("(" * DEPTH_MAX + "tag.x exists" + ")" * DEPTH_MAX) == t.Exists(t.Ref("tag", "x"))
    assert filter_of(" and ".join(["(not tag.x exists)"] * TERMS_MAX)) is not None
    assert len(refs_of(",".join(["tag.x"] * REFS_MAX))) == REFS_MAX


def test_lists_of_refs_say_which_parameter_is_wrong() -> None:
    with pytest.raises(FilterError, match="columns, at character 6") as caught:
        refs_of("tag.a,loss")
    assert caught.value.facts["parameter"] == "columns"
    with pytest.raises(FilterError, match="sort, at character 0"):
        places_of("")

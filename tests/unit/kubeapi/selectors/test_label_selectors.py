"""Label selectors: what they match, how they print, what they refuse."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi import labels
from kubeapi.labels import SelectorError

WEB = {"app": "web", "tier": "front", "n": "5"}


@pytest.mark.parametrize(("text", "matches"), [
    ("", True), ("app=web", True), ("app==web", True), ("app!=web", False), ("other!=x", True), ("app in (web,db)", True),
    ("app notin (web)", False), ("other notin (x)", True), ("app", True), ("!app", False), ("!other", True), ("n>4", True), ("n>5", False),
    ("n<6", True), ("app>4", False), ("app=web,tier=back", False), (" app = web , tier in ( front ) ", True), ("app=", False),
    ("in in (in)", False), ("x in (,a)", False), ("app=web,!other,n", True),
])
def test_matching(text: str, matches: bool) -> None:
    assert labels.parse(text).matches(WEB) is matches


@pytest.mark.parametrize(("text", "printed"), [
    ("b=1,a", "a,b=1"), ("a in (z,y)", "a in (y,z)"), ("!a", "!a"), ("a>3", "a>3"), ("a==b", "a==b"), ("a notin (x)", "a notin (x)"),
])
def test_printing(text: str, printed: str) -> None:
    assert str(labels.parse(text)) == printed


@pytest.mark.parametrize(("text", "sentence"), [
    ("a,", "found '', expected: identifier after ','"),
    ("=a", "found '=', expected: !, identifier, or 'end of string'"),
    ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    ("a=b c", "found 'c', expected: ',' or 'end of string'"),
    ("a in b", "unable to parse requirement: found 'b' expected: '('"),
    ("a in (b", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
    ("a>b", "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer"),
])
def test_refusals(text: str, sentence: str) -> None:
    with pytest.raises(SelectorError) as caught:
        labels.parse(text)
    assert str(caught.value) == sentence


def test_a_bad_value_is_named_with_its_key() -> None:
    with pytest.raises(SelectorError, match=r'unable to parse requirement: values\[0\]\[a\]: Invalid value: "-x": a valid label must be'):
        labels.parse("a=-x")


@pytest.mark.parametrize(("document", "matches"), [
    (None, False), ({}, True), ({"matchLabels": {"app": "web"}}, True),
    ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
    ({"matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}, True),
], ids=["none", "empty", "labels", "not in", "absent"])
def test_documents(document: dict[str, Any] | None, matches: bool) -> None:
    assert labels.from_label_selector(document).matches(WEB) is matches


def test_a_document_with_an_unknown_operator_is_refused() -> None:
    with pytest.raises(SelectorError, match='"Like" is not a valid label selector operator'):
        labels.from_label_selector({"matchExpressions": [{"key": "a", "operator": "Like"}]})

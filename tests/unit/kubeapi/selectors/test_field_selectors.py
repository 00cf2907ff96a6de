"""Field selectors: operators, escapes, refusals."""
from __future__ import annotations

import pytest

from kubeapi import fields
from kubeapi.fields import FieldSelectorError


@pytest.mark.parametrize(("text", "matches"), [
    ("", True), ("a=1", True), ("a==1", True), ("a!=1", False), ("a!=2", True), ("a=1,b=x\\,y", True), ("c=", True), ("a=1,b=z", False),
])
def test_matching(text: str, matches: bool) -> None:
    values = {"a": "1", "b": "x,y", "c": ""}
    assert fields.parse(text).matches(values.__getitem__) is matches


def test_the_exact_value_serves_indexes() -> None:
    assert fields.parse("spec.nodeName=n1,a!=b").exact("spec.nodeName") == "n1"
    assert fields.parse("a!=b").exact("a") is None


def test_what_has_no_operator_is_refused() -> None:
    with pytest.raises(FieldSelectorError, match="invalid selector: 'abc'; can't understand 'abc'"):
        fields.parse("abc")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(FieldSelectorError, match="field label not supported: spec.x"):
        fields.parse("spec.x=1").check({"metadata.name"})


def test_values_print_escaped() -> None:
    assert str(fields.parse(r"a=x\,y,b!=1")) == r"a=x\,y,b!=1"

"""Quantities: exact values, canonical text, upstream's sentences for what is none."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.intorstring import scaled
from kubeapi.quantity import FORMAT_WRONG, NUMERIC_WRONG, SUFFIX_WRONG, Quantity, QuantityError


@pytest.mark.parametrize(("text", "canonical"), [
    ("0", "0"), ("0.0", "0"), ("0Ki", "0"), ("0.5", "500m"), (".5", "500m"), ("1.", "1"), ("1500m", "1500m"), ("1000m", "1"), ("100m", "100m"),
    ("1.5Gi", "1536Mi"), ("1024Mi", "1Gi"), ("1024", "1024"), ("1023Ki", "1023Ki"), ("0.5Ki", "512"), ("0.3Ki", "307200m"),
    ("1000k", "1M"), ("1000000", "1M"), ("123456", "123456"), ("1e3", "1e3"), ("1E3", "1e3"), ("12e4", "120e3"), ("1e-3", "1e-3"),
    ("1E", "1E"), ("1Ei", "1Ei"), ("-1.5", "-1500m"), ("+5k", "5k"), ("0.1n", "1n"), ("100000E", "9223372036854775807"),
    ("100Ei", "9223372036854775807"), ("1e99999", "9223372036854775807"), ("5u", "5u"), ("1000n", "1u"),
])
def test_canonical_text(text: str, canonical: str) -> None:
    assert str(Quantity.parse(text)) == canonical
    assert Quantity.parse(canonical) == Quantity.parse(text)


@pytest.mark.parametrize(("text", "sentence"), [
    ("", FORMAT_WRONG), ("abc", FORMAT_WRONG), (" 1", FORMAT_WRONG), ("1 ", FORMAT_WRONG), ("1.5.Gi", NUMERIC_WRONG), ("1i", SUFFIX_WRONG),
    ("1GB", FORMAT_WRONG), ("1e", SUFFIX_WRONG), ("1kk", SUFFIX_WRONG), (".", NUMERIC_WRONG),
])
def test_what_is_no_quantity(text: str, sentence: str) -> None:
    with pytest.raises(QuantityError) as caught:
        Quantity.parse(text)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("text", "value", "milli"), [("100m", 1, 100), ("1500m", 2, 1500), ("1u", 1, 1), ("1Ki", 1024, 1024000), ("-1500m", -1, -1500)])
def test_values_round_up(text: str, value: int, milli: int) -> None:
    assert (Quantity.parse(text).value(), Quantity.parse(text).milli_value()) == (value, milli)


def test_arithmetic_keeps_the_family_of_the_first() -> None:
    assert str(Quantity.parse("1Gi") + Quantity.parse("512Mi")) == "1536Mi"
    assert str(Quantity.parse("1") - Quantity.parse("100m")) == "900m"
    assert str(Quantity.parse("0") + Quantity.parse("1Gi")) == "1Gi"
    assert Quantity.parse("1") < Quantity.parse("1001m") <= Quantity.parse("1001m")


@given(st.integers(-10 ** 20, 10 ** 20), st.sampled_from(["", "m", "k", "Mi", "Gi", "n"]))
def test_canonical_text_is_a_fixed_point(number: int, suffix: str) -> None:
    quantity = Quantity.parse(f"{number}{suffix}")
    assert str(Quantity.parse(str(quantity))) == str(quantity)


@pytest.mark.parametrize(("value", "total", "up", "expected"), [(3, 10, True, 3), ("25%", 10, True, 3), ("25%", 10, False, 2), ("100%", 7, False, 7)])
def test_percentages_scale(value: int | str, total: int, up: bool, expected: int) -> None:
    assert scaled(value, total, up) == expected


def test_other_texts_do_not_scale() -> None:
    with pytest.raises(ValueError, match="not a percentage"):
        scaled("many", 10, True)

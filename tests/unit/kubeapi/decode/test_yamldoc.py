from __future__ import annotations

from typing import Any

import pytest

from kubeapi.yamldoc import YamlError, load, load_all


@pytest.mark.parametrize(("text", "value"), [
    pytest.param("12:30:45", "12:30:45", id="no sexagesimals"), pytest.param("2024-01-01", "2024-01-01", id="no dates"),
    pytest.param("yes", True, id="yes"), pytest.param("off", False, id="off"), pytest.param("'yes'", "yes", id="quoted"),
    pytest.param("0777", 511, id="octal"), pytest.param("0x1F", 31, id="hexadecimal"), pytest.param("1_000", 1000, id="underscores"),
    pytest.param("1.5", 1.5, id="float"), pytest.param("1e3", 1000.0, id="exponent"), pytest.param("1.2.3", "1.2.3", id="a version"),
    pytest.param("~", None, id="null"), pytest.param("!!str 1", "1", id="tagged string"), pytest.param("-1", -1, id="negative"),
    pytest.param("100m", "100m", id="a quantity"), pytest.param("0.5", 0.5, id="half"), pytest.param("08", 8.0, id="not octal"),
    pytest.param("nginx", "nginx", id="a word that begins like no"), pytest.param("{a: &x [1], b: *x}", {"a": [1], "b": [1]}, id="alias"),
    pytest.param("{1: a, true: b}", {"1": "a", "true": "b"}, id="keys become strings"),
    pytest.param("a: &d {x: 1, y: 2}\nb: {<<: *d, y: 3}", {"a": {"x": 1, "true": 2}, "b": {"x": 1, "true": 3}}, id="merge; y is true"),
    pytest.param("a: |\n  x\n  y\n", {"a": "x\ny\n"}, id="block"),
])
def test_scalars_are_read_as_go_reads_them(text: str, value: Any) -> None:
    assert load(text) == value


@pytest.mark.parametrize(("text", "told"), [
    pytest.param("a: 1\na: 2\n", 'line 2: key "a" already set in map', id="duplicate key"),
    pytest.param("a: b: c\n", "yaml: mapping values are not allowed in this context", id="two colons"),
    pytest.param("a: [1\n", "did not find expected", id="unclosed"), pytest.param("\tx: 1", "yaml: ", id="tab"),
    pytest.param("a: .inf", "json: unsupported value", id="infinity"), pytest.param("{[1]: a}", "must be a scalar", id="list as key"),
])
def test_what_is_not_yaml_is_refused(text: str, told: str) -> None:
    with pytest.raises(YamlError, match=told):
        load(text)


def test_a_billion_laughs_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(YamlError, match="excessive aliasing"):
        load("\n".join(lines))


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(YamlError, match="depth"):
        load("[" * 300 + "]" * 300)
    with pytest.raises(YamlError):
        load("[" * 100_000)


def test_a_stream_has_several_documents() -> None:
    assert list(load_all("a: 1\n---\n---\nb: 2\n")) == [{"a": 1}, None, {"b": 2}]


def test_many_merges_into_one_map_copy_nothing() -> None:
    """The map was made anew for each of them: a few megabytes of `<<` took minutes."""
    lines = [f"  <<: {{k{number}: {number}}}" for number in range(20_000)]
    assert len(load("\n".join(["a:", *lines]))["a"]) == 20_000


@pytest.mark.parametrize(("text", "value"), [
    pytest.param("0b_", "0b_", id="a prefix without digits"), pytest.param("0x", "0x", id="hexadecimal of nothing"),
    pytest.param("9" * 5000, "9" * 5000, id="more digits than any number has"),
])
def test_what_only_looks_like_a_number_is_text(text: str, value: str) -> None:
    assert load(text) == value


def test_binary_that_is_no_text_is_refused() -> None:
    """JSON has no way to hold it, and it cannot be stored."""
    with pytest.raises(YamlError, match="invalid base64 data"):
        load("a: !!binary gIGC")

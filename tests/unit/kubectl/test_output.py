"""The pure parts of output: columns, YAML, JSON, JSONPath, ages, error texts."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi import yamldoc
from kubectl import customcolumns, jsonpath, jsontext, tabwriter, yamlout
from kubectl.describers.others import label_of
from kubectl.errors import CommandError, StatusError
from kubectl.humantime import human_duration

DOCUMENT: dict[str, Any] = {
    "kind": "List", "count": 3, "none": None, "yes": True, "a.b": "dotted",
    "items": [{"name": "a", "n": 1, "ready": True, "tags": ["x", "y"]}, {"name": "b", "n": 2, "labels": {"k": "v"}}, {"name": "c", "n": 3}]}


@pytest.mark.parametrize(("template", "text"), [
    ("{.items[*].name}", "a b c"), ("{.items[0].name}", "a"), ("{.items[-1].name}", "c"), ("{.items[0:2].name}", "a b"),
    ("{.items[0,2].name}", "a c"), ("{.items[*]['name']}", "a b c"), ("{.items[*]['name','n']}", "a b c 1 2 3"), ("{.a\\.b}", "dotted"),
    ("{['a.b']}", "dotted"), ("{.items[?(@.n>1)].name}", "b c"), ('{.items[?(@.name=="b")].labels}', '{"k":"v"}'), ("{.items[?(@.ready)].name}", "a"),
    ("{.items[?(@.ready==true)].name}", "a"), ("{range .items[*]}{.name}{'\\t'}{.n}{'\\n'}{end}", "a\t1\nb\t2\nc\t3\n"), ("{$.kind}: {.count}", "List: 3"),
    ("{.items[0].tags}", '["x","y"]'), ("{.nope}", ""), ("{.none}", ""), ("{.yes}", "true"), ("plain", "plain"), ("{.items..name}", "a b c"),
    ("{'text'}{\"more\"}", "textmore"), ("{range .items[*]}{.tags[*]}{end}", "x y"),
], ids=str)
def test_jsonpath_finds(template: str, text: str) -> None:
    assert jsonpath.template(template, True)(DOCUMENT) == text


@pytest.mark.parametrize(("template", "message"), [
    ("{.items", "unclosed action"), ("{end}", "not in range, nothing to end"), ("{range .items[*]}x", "unterminated range"),
    ("{.items[", "unclosed action"), ('{.items["name"]}', 'invalid array index "name"'), ("{.items[9]}", "array index out of bounds: index 9, length 3"),
], ids=str)
def test_jsonpath_refuses(template: str, message: str) -> None:
    with pytest.raises(CommandError, match=message.replace("[", "\\[")):
        jsonpath.template(template, True)(DOCUMENT)


def test_a_missing_key_fails_only_if_asked_to() -> None:
    with pytest.raises(CommandError, match="nope is not found"):
        jsonpath.template("{.nope}", False)(DOCUMENT)


def test_custom_columns_show_none_and_join() -> None:
    render = customcolumns.printer("NAME:.name,TAGS:.tags[*],LABELS:{.labels}", False)
    assert render(DOCUMENT) == "NAME   TAGS     LABELS\na      x,y      <none>\nb      <none>   map[k:v]\nc      <none>   <none>\n"


@pytest.mark.parametrize(("value", "text"), [
    ("plain", "plain"), ("", '""'), ("yes", '"yes"'), ("1", '"1"'), ("1.5", '"1.5"'), ("null", '"null"'), ("x: y", "'x: y'"), ("- x", "'- x'"),
    ("2024-01-01", '"2024-01-01"'), ("12:30:45", '"12:30:45"'), ("a\nb", "|-\n  a\n  b"), ("a\nb\n", "|\n  a\n  b"), ("#x", "'#x'"), ("y", '"y"'),
    (" lead", "' lead'"), ("tab\there", '"tab\\there"'), ("it's", "it's"), ("*", "'*'"), ("=", "="), ("0x1f", '"0x1f"'), ("1e3", '"1e3"'), ("~", '"~"'),
    ("a: b\nc", "|-\n  a: b\n  c"), ("trail \nx", "\"trail \\nx\""), ("é", "é"), (1, "1"), (True, "true"), (None, "null"), (1.5, "1.5"), ({}, "{}"), ([], "[]"),
], ids=repr)
def test_yaml_scalars_are_quoted_as_go_quotes_them(value: Any, text: str) -> None:
    assert yamlout.dump({"k": value}) == f"k: {text}\n"
    assert yamldoc.load(yamlout.dump({"k": value})) == {"k": value}


def test_yaml_keys_are_in_natural_order_and_lists_are_not_indented() -> None:
    assert yamlout.dump({"a10": 1, "a9": [{"b": 1, "a": 2}], "B": 0, "_x": 1, "a1b": 1, "aa": 2}).splitlines() == [
        "_x: 1", "B: 0", "a1b: 1", "a9:", "- a: 2", "  b: 1", "a10: 1", "aa: 2"]


def test_json_escapes_what_go_escapes() -> None:
    assert jsontext.pretty({"b": "<&>", "a": []}) == '{\n    "a": [],\n    "b": "\\u003c\\u0026\\u003e"\n}'


def test_columns_end_where_lines_have_fewer_cells() -> None:
    assert tabwriter.align("a\tbb\tc\nlonger\tx\ty\nalone\nk\tv\n") == "a       bb  c\nlonger  x   y\nalone\nk  v\n"


def test_a_watch_keeps_the_widths_it_had() -> None:
    rows = tabwriter.Rows()
    assert rows.format([["NAME", "AGE"], ["a-long-name", "5d"]]) == "NAME          AGE\na-long-name   5d\n"
    assert rows.format([["b", "1s"]]) == "b             1s\n"


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0s"), (119, "119s"), (120, "2m"), (130, "2m10s"), (599, "9m59s"), (600, "10m"), (10799, "179m"), (10800, "3h"), (11000, "3h3m"), (28800, "8h"),
    (172799, "47h"), (172800, "2d"), (180000, "2d2h"), (691200, "8d"), (63071999, "729d"), (63072000, "2y"), (-0.5, "0s"), (-5, "<invalid>")])
def test_ages_show_at_most_two_units(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(("name", "label"), [("creationTimestamp", "Creation Timestamp"), ("uid", "UID"), ("apiVersion", "API Version"),
                                             ("podCIDR", "Pod CIDR"), ("a_b", "a_b"), ("spec", "Spec")])
def test_field_names_become_labels(name: str, label: str) -> None:
    assert label_of(name) == label


@pytest.mark.parametrize(("status", "text"), [
    ({"reason": "NotFound", "message": 'pods "x" not found'}, 'Error from server (NotFound): pods "x" not found'),
    ({"message": "odd"}, "Error from server: odd"),
    ({"reason": "Unauthorized", "message": "Unauthorized"}, "error: You must be logged in to the server (Unauthorized)"),
    ({"reason": "Invalid", "message": "m", "details": {"kind": "Pod", "name": "x", "causes": [{"field": "spec", "message": "bad"}]}},
     'The Pod "x" is invalid: spec: bad'),
    ({"reason": "Invalid", "message": "m", "details": {"kind": "Pod", "name": "x", "causes": [
        {"field": "a", "message": "1"}, {"field": "b", "message": "2"}, {"field": "a", "message": "1"}]}}, 'The Pod "x" is invalid: \n* a: 1\n* b: 2'),
    ({"reason": "Invalid", "message": "m"}, "The request is invalid: m"),
], ids=str)
def test_failures_are_worded_as_upstream(status: dict[str, Any], text: str) -> None:
    assert StatusError(status).lines() == text

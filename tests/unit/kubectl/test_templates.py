"""Go templates: what they print, and why they are refused."""
from __future__ import annotations

import pytest

from kubectl.errors import CommandError
from kubectl.gotemplate import template

POD = {"kind": "Pod", "metadata": {"name": "a", "labels": {"app": "web", "tier": "x"}}, "spec": {"containers": [{"name": "c"}, {"name": "d"}], "n": 3}}


@pytest.mark.parametrize(("text", "out"), [
    ("{{.kind}}", "Pod"), ("{{.metadata.name}}-{{.nope}}", "a-<no value>"), ("{{.metadata.labels}}", "map[app:web tier:x]"),
    ("{{range .spec.containers}}{{.name}},{{end}}", "c,d,"), ("{{range $i, $c := .spec.containers}}{{$i}}{{$c.name}}{{end}}", "0c1d"),
    ("{{range .nope}}x{{else}}none{{end}}", "none"), ("{{range .spec.containers}}{{if eq .name \"d\"}}{{continue}}{{end}}{{.name}}{{end}}", "c"),
    ("{{with .metadata}}{{.name}}{{end}}", "a"), ("{{if and .kind (not .nope)}}y{{else}}n{{end}}", "y"), ("{{$x := 1}}{{$x = 2}}{{$x}}", "2"),
    ("{{index .metadata.labels \"app\" | printf \"%q\"}}", '"web"'), ("{{len .spec.containers}}", "2"), ("a {{- 1 -}} b", "a1b"), ("{{/* no */}}x", "x"),
    ("{{(index .spec.containers 1).name}}", "d"), ("{{define \"t\"}}[{{.}}]{{end}}{{template \"t\" .kind}}", "[Pod]"), ("{{printf \"%05d|%-3s|\" .spec.n \"x\"}}", "00003|x  |"),
    ("{{\"aGk=\" | base64decode}}", "hi"), ("{{if false}}a{{else if true}}b{{end}}", "b"), ("{{range 3}}{{.}}{{end}}", "012"),
], ids=str)
def test_prints(text: str, out: str) -> None:
    assert template(text, True)(POD) == out


@pytest.mark.parametrize(("text", "message"), [
    ("{{", "unclosed action"), ("{{if}}", "missing value for if"), ("{{range .x}}", "unexpected EOF"), ("{{end}}", "unexpected {{end}}"),
    ("{{nope}}", 'function "nope" not defined'), ("{{$x}}", 'undefined variable "$x"'), ("{{break}}", "{{break}} outside {{range}}"),
], ids=str)
def test_what_cannot_be_parsed_is_refused(text: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        template(text, True)
    assert caught.value.message == f"error parsing template {text}, template: output:1: {message}"


@pytest.mark.parametrize(("text", "message"), [
    ("{{.kind.x}}", "<.kind.x>: can't evaluate field x in type interface {}"), ("{{len 3}}", "<len 3>: error calling len: len of type int"),
    ("{{index .spec.containers 9}}", "<index .spec.containers 9>: error calling index: index out of range: 9"),
    ("{{template \"no\"}}", '<{{template "no"}}>: template "no" not defined'),
], ids=str)
def test_what_does_not_fit_the_document_is_told(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError) as caught:
        template(text, True)(POD)
    assert caught.value.message.endswith(message)
    assert capsys.readouterr().out.startswith("Error executing template: ")


def test_a_missing_key_may_be_a_fault() -> None:
    with pytest.raises(CommandError, match='map has no entry for key "nope"'):
        template("{{.nope}}", False)(POD)

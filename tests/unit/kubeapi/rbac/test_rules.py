"""What rules cover of other rules, and how they are told."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.rbac import rule_text, uncovered

Document = dict[str, Any]


def a_rule(verbs: str, resources: str, groups: str = "", names: str = "") -> Document:
    found: Document = {"verbs": verbs.split(), "apiGroups": groups.split(","), "resources": resources.split()}
    return {**found, "resourceNames": names.split()} if names else found


def a_url(verbs: str, urls: str) -> Document:
    return {"verbs": verbs.split(), "nonResourceURLs": urls.split()}


@pytest.mark.parametrize(("held", "wanted", "missing"), [
    pytest.param([a_rule("get list", "pods")], [a_rule("get", "pods")], [], id="less"),
    pytest.param([a_rule("get", "pods"), a_rule("list", "pods")], [a_rule("get list", "pods")], [], id="the sum of two"),
    pytest.param([a_rule("get", "pods")], [a_rule("get list watch", "pods services")],
                 ['{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}', '{APIGroups:[""], Resources:["services"], Verbs:["get" "list" "watch"]}'],
                 id="more"),
    pytest.param([a_rule("*", "*", "*")], [a_rule("* get", "* pods/log */scale", "*")], [], id="everything"),
    pytest.param([a_rule("get list watch", "pods")], [a_rule("*", "pods")], ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'], id="a star"),
    pytest.param([a_rule("get", "*/scale", "*")], [a_rule("get", "deployments/scale", "apps")], [], id="a subresource of everything"),
    pytest.param([a_rule("get", "pods", names="a b")], [a_rule("get", "pods", names="a")], [], id="names"),
    pytest.param([a_rule("get", "pods", names="a")], [a_rule("get", "pods")], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'], id="any name"),
    pytest.param([a_rule("get", "pods")], [a_rule("get", "pods", names="a")], [], id="one of any name"),
    pytest.param([a_url("get", "/a/*")], [a_url("get", "/a/b /a/*")], [], id="below a path"),
    pytest.param([a_url("get", "/a/b")], [a_url("get", "/a/*")], ['{NonResourceURLs:["/a/*"], Verbs:["get"]}'], id="all below a path"),
    pytest.param([a_rule("*", "*", "*")], [a_url("get", "/a")], ['{NonResourceURLs:["/a"], Verbs:["get"]}'], id="paths are no resources"),
    pytest.param([], [a_rule("get", "pods", names="a")], ['{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get"]}'], id="nothing held"),
])
def test_what_is_not_covered(held: list[Document], wanted: list[Document], missing: list[str]) -> None:
    assert sorted(map(rule_text, uncovered(held, wanted))) == missing

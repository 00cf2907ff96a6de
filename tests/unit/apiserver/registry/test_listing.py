from __future__ import annotations

import pytest

from apiserver.registry.listing import parse
from kubeapi.catalog import by_plural

PODS = by_plural("", "pods")


@pytest.mark.parametrize("query", [
    pytest.param({}, id="everything"), pytest.param({"labelSelector": "app=a,tier in (x,y)"}, id="by label"),
    pytest.param({"fieldSelector": "spec.nodeName=n1"}, id="by field"),
    pytest.param({"labelSelector": "app", "fieldSelector": "metadata.name=a"}, id="by both"),
])
def test_who_asks_for_the_same_is_served_the_same_lines(query: dict[str, str]) -> None:
    """Watchers share lines by their selection: each with one of its own would have every event judged and joined anew."""
    first, second = parse(query, PODS, True).selection("default"), parse(dict(query), PODS, True).selection("default")
    assert first == second
    assert hash(first) == hash(second)


def test_who_asks_for_something_else_is_not() -> None:
    query = {"labelSelector": "app=a"}
    assert parse(query, PODS, True).selection("default") != parse({"labelSelector": "app=b"}, PODS, True).selection("default")
    assert parse(query, PODS, True).selection("default") != parse(query, PODS, True).selection("other")

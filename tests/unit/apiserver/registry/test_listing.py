from __future__ import annotations

import base64

import pytest

from apiserver.registry.listing import LATEST, decode_continue, encode_continue, expired, parse
from kubeapi import errors
from kubeapi.catalog import by_plural

PODS = by_plural("", "pods")


def continue_token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


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


@pytest.mark.parametrize("query", [
    pytest.param({"limit": "99999999999999999999"}, id="limit"), pytest.param({"limit": "9" * 5000}, id="a long limit"),
    pytest.param({"limit": "１"}, id="a digit of another script"), pytest.param({"timeoutSeconds": "9" * 5000}, id="timeout"),
    pytest.param({"continue": continue_token("[" * 5000)}, id="a deep continue token"),
    pytest.param({"continue": continue_token('{"v":"meta.k8s.io/v1","rv":-5,"start":"a"}')}, id="a negative revision"),
    pytest.param({"continue": continue_token('{"v":"meta.k8s.io/v1","rv":99999999999999999999,"start":"a"}')}, id="a revision out of range"),
])
def test_numbers_that_are_none_are_the_client_s_fault(query: dict[str, str]) -> None:
    with pytest.raises(errors.BadRequest):
        options = parse(query, PODS, False)
        decode_continue(options.continue_token)


@pytest.mark.parametrize("version", ["9" * 30, "9" * 5000, "-1", "x"])
def test_a_resource_version_that_is_none_is_invalid(version: str) -> None:
    with pytest.raises(errors.Invalid):
        parse({"resourceVersion": version}, PODS, False)


def test_an_expired_list_offers_the_rest_as_it_is_now() -> None:
    told = expired(parse({"continue": encode_continue(5, "a/b\0")}, PODS, False))
    assert told.http_code == 410
    assert told.message.startswith("The provided continue parameter is too old to display a consistent list result. You can start")
    assert decode_continue(told.status["metadata"]["continue"]) == (LATEST, "a/b\0")
    assert expired(parse({"resourceVersion": "1", "resourceVersionMatch": "Exact"}, PODS, False)).message == "The resourceVersion for the provided list is too old."

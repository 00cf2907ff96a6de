"""Which state a list shows: resourceVersion, resourceVersionMatch, limit and continue in all combinations, and what has been compacted."""
from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kubeapi.catalog import by_plural
from tests.conformance.conftest import Api

CONFIG_MAPS = by_plural("", "configmaps")
UNLESS = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
EXACT_ZERO = 'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
UNKNOWN = 'resourceVersionMatch: Unsupported value: "x": supported values: "Exact", "NotOlderThan"'
Document = dict[str, Any]


def listed(api: Api, **query: str) -> Any:
    return api.ask("GET", api.path(CONFIG_MAPS, labelSelector="", **query))


def token_of(revision: int, start: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}).encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def moments(api: Api) -> dict[str, str]:
    """The revision after three were there, before a fourth was."""
    for name in ("list-a", "list-b", "list-c"):
        then = api.make(CONFIG_MAPS, name).metadata["resourceVersion"]
    api.make(CONFIG_MAPS, "list-d")
    return {"": "", "0": "0", "then": then, "far": "999999999"}


# What a list shows: everything now, or as it was then; `page`: limit is honoured.
@pytest.mark.parametrize(("version", "match", "shows", "page"), [
    ("", "", "now", True), ("0", "", "now", False), ("then", "", "now", True), ("0", "NotOlderThan", "now", False), ("then", "NotOlderThan", "now", True),
    ("then", "Exact", "then", True),
    ("", "Exact", UNLESS, False), ("", "NotOlderThan", UNLESS, False), ("0", "Exact", EXACT_ZERO, False), ("", "x", UNKNOWN, False), ("then", "x", UNKNOWN, False),
    ("far", "", "too large", False), ("far", "Exact", "too large", False), ("far", "NotOlderThan", "too large", False)])
def test_which_state_a_list_is_of(api: Api, moments: dict[str, str], version: str, match: str, shows: str, page: bool) -> None:
    query = {name: value for name, value in (("resourceVersion", moments[version]), ("resourceVersionMatch", match)) if value}
    answer = listed(api, **query)
    if shows == "too large":
        assert (answer.code, answer.document["reason"]) == (504, "Timeout")
        assert answer.document["details"]["causes"] == [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        assert answer.document["details"]["retryAfterSeconds"] == 1
    elif shows not in ("now", "then"):
        assert (answer.code, answer.document["message"]) == (422, f'ListOptions.meta.k8s.io "" is invalid: {shows}')
    else:
        names = [one["metadata"]["name"] for one in answer.document["items"]]
        assert ("list-d" in names) is (shows == "now")
        assert (answer.metadata["resourceVersion"] == moments["then"]) is (shows == "then")
        first = listed(api, limit="2", **query).document
        assert len(first["items"]) == (2 if page else len(names))
        assert first["metadata"].get("remainingItemCount") == (len(names) - 2 if page else None)


def test_pages_are_of_one_moment_and_count_what_is_left(api: Api) -> None:
    first = listed(api, limit="1").document
    api.make(CONFIG_MAPS, "list-later")
    second = listed(api, limit="1", **{"continue": first["metadata"]["continue"]}).document
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert second["metadata"]["remainingItemCount"] == first["metadata"]["remainingItemCount"] - 1


def test_a_token_without_a_revision_goes_on_in_what_is_now(api: Api) -> None:
    """By the token that a 410 holds: it names no revision."""
    api.make(CONFIG_MAPS, "list-compacted")
    before = listed(api, limit="1").document
    start = json.loads(base64.urlsafe_b64decode(before["metadata"]["continue"] + "==="))["start"]
    rest = listed(api, limit="1", **{"continue": token_of(-1, start)})
    assert rest.code == 200
    assert int(rest.metadata["resourceVersion"]) >= int(before["metadata"]["resourceVersion"])
    assert rest.document["items"][0]["metadata"]["name"] > before["items"][0]["metadata"]["name"]


@pytest.mark.parametrize(("given", "shown"), [("abc", "abc"), ("x" * 100, "x" * 64)])
def test_a_request_keeps_the_name_it_has_in_the_audit(api: Api, given: str, shown: str) -> None:
    assert api.ask("GET", "/api/v1/namespaces/absent", Audit_ID=given).headers["audit-id"] == shown
    assert len(api.ask("GET", "/api/v1/namespaces/default").headers["audit-id"]) == 36

"""When what is deleted has to be gone."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apiserver.registry.deletion import DeleteOptions, marked
from kubeapi import errors
from kubeapi.catalog import by_plural

NOW = datetime(2024, 5, 1, tzinfo=UTC)
LONGEST = (1 << 63) - 1


def deleted(pod: dict[str, Any], grace: int | None = None) -> dict[str, Any]:
    body = {} if grace is None else {"gracePeriodSeconds": grace}
    found = marked(pod, by_plural("", "pods").strategy(), DeleteOptions.parse(body), NOW)
    assert found is not None
    return found


def a_pod(seconds: int) -> dict[str, Any]:
    return {"metadata": {"name": "a"}, "spec": {"nodeName": "n", "terminationGracePeriodSeconds": seconds, "containers": []}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(("seconds", "end"), [(30, "2024-05-01T00:00:30Z"), (LONGEST, "2316-08-10T23:47:16Z")], ids=["half a minute", "for ever"])
def test_a_pod_has_the_time_that_it_asks_for(seconds: int, end: str) -> None:
    """One that asked for more than a calendar holds could never be deleted, nor its namespace."""
    assert deleted(a_pod(seconds))["metadata"]["deletionTimestamp"] == end


def test_a_deletion_is_hurried_from_when_it_began() -> None:
    metadata = deleted(deleted(a_pod(LONGEST)), 5)["metadata"]
    assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2024-05-01T00:00:05Z", 5)


@pytest.mark.parametrize(("body", "query", "expected"), [
    pytest.param(None, {"gracePeriodSeconds": "5", "propagationPolicy": "Orphan", "dryRun": "All"}, DeleteOptions(5, "Orphan", dry_run=True), id="query"),
    pytest.param({"gracePeriodSeconds": 7}, {"gracePeriodSeconds": "5", "propagationPolicy": "Orphan", "dryRun": "All"}, DeleteOptions(7), id="both"),
    pytest.param({}, {"gracePeriodSeconds": "5", "dryRun": "All"}, DeleteOptions(), id="an empty body is one too"),
    pytest.param(None, {"orphanDependents": "false"}, DeleteOptions(None, "Background", orphans=False), id="the policy's former name"),
])
def test_a_body_says_all_and_the_query_counts_without_one(body: dict[str, Any] | None, query: dict[str, str], expected: DeleteOptions) -> None:
    assert DeleteOptions.of_request(body, query) == expected


def test_a_grace_that_is_no_number_is_refused() -> None:
    with pytest.raises(errors.BadRequest, match='strconv.ParseInt: parsing "soon": invalid syntax'):
        DeleteOptions.of_request(None, {"gracePeriodSeconds": "soon"})

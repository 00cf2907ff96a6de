"""What a DELETE that names no policy leaves behind: the dependents of Jobs and ReplicationControllers, as ever; of nothing else."""
from __future__ import annotations

from typing import Any

import pytest

from kubeapi.catalog import by_plural
from tests.conformance.conftest import Api

WARNING = ("child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
           "propagationPolicy=Orphan to suppress this warning")


@pytest.mark.parametrize(("group", "plural", "finalizers", "warning"), [
    ("batch", "jobs", ["orphan"], f'299 - "{WARNING}"'), ("", "replicationcontrollers", ["orphan"], None), ("apps", "replicasets", None, None),
    ("apps", "deployments", None, None), ("batch", "cronjobs", None, None)], ids=lambda value: value if isinstance(value, str) and " " not in value else "")
def test_no_policy(api: Api, group: str, plural: str, finalizers: list[str] | None, warning: str | None) -> None:
    resource = by_plural(group, plural)
    api.make(resource, "bare")
    deleted = api.ask("DELETE", api.path(resource, "bare"), {})
    assert (deleted.code, deleted.headers["warning"]) == (200, warning)
    left = api.get(resource, "bare")
    assert left.code == (200 if finalizers else 404)
    if finalizers:
        assert left.metadata["finalizers"] == finalizers


@pytest.mark.parametrize("options", [{"propagationPolicy": "Background"}, {"orphanDependents": False}], ids=["policy", "the old way"])
def test_a_job_whose_pods_shall_go(api: Api, options: dict[str, Any]) -> None:
    resource = by_plural("batch", "jobs")
    api.make(resource, "whole")
    deleted = api.ask("DELETE", api.path(resource, "whole"), options)
    assert (deleted.code, deleted.headers["warning"], api.get(resource, "whole").code) == (200, None, 404)


def test_a_job_that_waits_already_waits_for_what_it_was_told_to(api: Api) -> None:
    resource = by_plural("batch", "jobs")
    api.make(resource, "waits")
    api.ask("DELETE", api.path(resource, "waits"), {"propagationPolicy": "Foreground"})
    api.ask("DELETE", api.path(resource, "waits"), {})
    assert api.get(resource, "waits").metadata["finalizers"] == ["foregroundDeletion"]


def test_what_surprises_is_told_when_it_is_made(api: Api) -> None:
    resource = by_plural("batch", "jobs")
    made = api.make(resource, "a.b")
    assert "metadata.name: this is used in Pod names and hostnames" in made.headers["warning"]

"""What disruption budgets allow."""
from __future__ import annotations

from typing import Any

import pytest

from apiserver.registry.eviction import budget_of, charged, condemned, may_go_unhealthy, needs_no_budget
from kubeapi import errors

NOW = "2026-01-01T00:00:00Z"


def a_pod(phase: str = "Running", ready: bool = True, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "labels": {"app": "a"}, **metadata},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def a_budget(name: str = "b", policy: str = "", selector: Any = None, **status: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "a"}} if selector is None else selector}
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    return {"metadata": {"name": name, "generation": 1}, "spec": spec,
            "status": {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 1, "disruptionsAllowed": 1, **status}}


@pytest.mark.parametrize(("pod", "expected"), [
    pytest.param(a_pod(), False, id="a running one does"),
    pytest.param(a_pod("Pending"), True, id="not started"),
    pytest.param(a_pod("Succeeded"), True, id="over"),
    pytest.param(a_pod(deletionTimestamp=NOW), True, id="on its way out"),
])
def test_who_needs_no_budget(pod: dict[str, Any], expected: bool) -> None:
    assert needs_no_budget(pod) is expected


@pytest.mark.parametrize(("budgets", "expected"), [
    ([], None), ([a_budget("x", selector={"matchLabels": {"app": "other"}})], None), ([a_budget("x")], "x"),
    ([a_budget("all", selector={})], "all"),
])
def test_which_budget_counts(budgets: list[dict[str, Any]], expected: str | None) -> None:
    found = budget_of(a_pod(), budgets)
    assert (found["metadata"]["name"] if found else None) == expected


def test_two_budgets_over_one_pod_are_not_supported() -> None:
    with pytest.raises(errors.InternalError, match="more than one PodDisruptionBudget"):
        budget_of(a_pod(), [a_budget("a"), a_budget("b")])


@pytest.mark.parametrize(("ready", "budget", "expected"), [
    pytest.param(True, a_budget(policy="AlwaysAllow"), False, id="a ready one costs"),
    pytest.param(False, a_budget(policy="AlwaysAllow"), True, id="always allowed"),
    pytest.param(False, a_budget(currentHealthy=1), True, id="enough others are healthy"),
    pytest.param(False, a_budget(currentHealthy=0), False, id="too few are"),
    pytest.param(False, a_budget(currentHealthy=0, desiredHealthy=0), False, id="none is wanted yet"),
])
def test_when_an_unhealthy_pod_may_go(ready: bool, budget: dict[str, Any], expected: bool) -> None:
    assert may_go_unhealthy(a_pod(ready=ready), budget) is expected


def test_an_eviction_is_charged_until_the_controller_confirms_it() -> None:
    status = charged(a_budget(disruptionsAllowed=2), "p", NOW)["status"]
    assert (status["disruptionsAllowed"], status["disruptedPods"]) == (1, {"p": NOW})


@pytest.mark.parametrize(("status", "cause", "retry"), [
    pytest.param({"disruptionsAllowed": 0}, "The disruption budget b needs 1 healthy pods and has 2 currently", None, id="used up"),
    pytest.param({"observedGeneration": 0}, "The disruption budget b is still being processed by the server.", 10, id="not looked at yet"),
])
def test_a_refusal_names_its_cause(status: dict[str, Any], cause: str, retry: int | None) -> None:
    with pytest.raises(errors.TooManyRequests, match=r"^Cannot evict pod as it would violate the pod's disruption budget\.$") as caught:
        charged(a_budget(**status), "p", NOW)
    assert caught.value.causes == [{"reason": "DisruptionBudget", "message": cause}]
    assert caught.value.status["details"].get("retryAfterSeconds") == retry


def test_the_pod_tells_why_it_goes() -> None:
    conditions = {one["type"]: one for one in condemned(condemned(a_pod(), NOW), NOW)["status"]["conditions"]}
    assert conditions["DisruptionTarget"]["reason"] == "EvictionByEvictionAPI"
    assert len(conditions) == 2

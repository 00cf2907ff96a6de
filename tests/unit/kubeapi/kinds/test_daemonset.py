"""DaemonSets, ControllerRevisions and ReplicationControllers: what the API fills in, counts, shows and refuses."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from kubeapi.catalog import by_kind
from kubeapi.kinds.daemonset import TEMPLATE_GENERATION

Document = dict[str, Any]
NOW = 1767225600.0                                # 2026-01-01T00:00:00Z
META = {"name": "a", "creationTimestamp": "2025-12-31T23:00:00Z"}
LABELS = {"app": "a"}
TEMPLATE: Document = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def a_daemon_set(rolling: Document | None = None, **spec: Any) -> Document:
    update: Document = {} if rolling is None else {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    return {"metadata": {"name": "d", "namespace": "x"}, "spec": {"selector": {"matchLabels": LABELS}, "template": TEMPLATE, **update, **spec}}


def a_controller(**spec: Any) -> Document:
    return {"metadata": {"name": "r", "namespace": "x"}, "spec": {"selector": LABELS, "template": TEMPLATE, **spec}}


def defaulted(group: str, kind: str, document: Document) -> Document:
    document = copy.deepcopy(document)
    by_kind(group, kind).strategy().default(document)
    return document


def faults(group: str, kind: str, document: Document) -> list[str]:
    return [str(fault) for fault in by_kind(group, kind).strategy().validate(defaulted(group, kind, document))]


@pytest.mark.parametrize(("given", "expected"), [
    pytest.param({}, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}, id="nothing"),
    pytest.param({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
                 {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}}, id="one limit"),
    pytest.param({"type": "OnDelete"}, {"type": "OnDelete"}, id="on delete"),
])
def test_update_strategies_are_filled_in(given: Document, expected: Document) -> None:
    spec = defaulted("apps", "DaemonSet", a_daemon_set(updateStrategy=given))["spec"]
    assert (spec["updateStrategy"], spec["revisionHistoryLimit"]) == (expected, 10)
    assert spec["template"]["spec"]["restartPolicy"] == "Always"


def test_changes_of_the_template_are_counted_and_nobody_else_may_count() -> None:
    strategy = by_kind("apps", "DaemonSet").strategy()
    old = defaulted("apps", "DaemonSet", a_daemon_set())
    strategy.prepare_for_create(old)
    assert old["metadata"]["annotations"] == {TEMPLATE_GENERATION: "1"}
    same = copy.deepcopy(old)
    same["metadata"]["annotations"] = {TEMPLATE_GENERATION: "7", "other": "x"}
    same["spec"]["minReadySeconds"] = 5
    strategy.prepare_for_update(same, old)
    assert same["metadata"]["annotations"] == {TEMPLATE_GENERATION: "1", "other": "x"}
    new = copy.deepcopy(old)
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "j"
    strategy.prepare_for_update(new, old)
    assert new["metadata"]["annotations"] == {TEMPLATE_GENERATION: "2"}


@pytest.mark.parametrize(("document", "expected"), [
    pytest.param(a_daemon_set(), [], id="good"),
    pytest.param(a_daemon_set({"maxSurge": "10%", "maxUnavailable": 0}), [], id="surge"),
    pytest.param(a_daemon_set({"maxSurge": 1, "maxUnavailable": 1}), [
        "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"], id="both"),
    pytest.param(a_daemon_set({"maxSurge": 0, "maxUnavailable": "0%"}), [
        "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"], id="neither"),
    pytest.param(a_daemon_set({"maxUnavailable": "101%"}), [
        'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'], id="too many percent"),
    pytest.param(a_daemon_set({"maxUnavailable": -1}), [
        "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"], id="negative"),
    pytest.param(a_daemon_set(updateStrategy={"type": "Recreate"}), [
        'spec.updateStrategy: Unsupported value: {"type":"Recreate"}: supported values: "RollingUpdate", "OnDelete"'], id="unknown strategy"),
    pytest.param(a_daemon_set(selector={"matchLabels": {"app": "b"}}), [
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'], id="another selector"),
    pytest.param(a_daemon_set(selector={}), ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"], id="empty selector"),
    pytest.param(a_daemon_set(selector=None), [
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'], id="no selector"),
    pytest.param(a_daemon_set(minReadySeconds=-1, revisionHistoryLimit=-1), [
        "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
        "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"], id="negative numbers"),
    pytest.param(a_daemon_set(template={**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never", "activeDeadlineSeconds": 5}}), [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported"], id="pods that end"),
])
def test_daemon_sets_that_are_refused(document: Document, expected: list[str]) -> None:
    assert faults("apps", "DaemonSet", document) == expected


def test_the_selector_of_a_daemon_set_never_changes() -> None:
    old, new = defaulted("apps", "DaemonSet", a_daemon_set()), defaulted("apps", "DaemonSet", a_daemon_set())
    new["spec"]["selector"] = {"matchLabels": {}, "matchExpressions": [{"key": "app", "operator": "Exists"}]}
    assert [str(fault).rpartition(": ")[2] for fault in by_kind("apps", "DaemonSet").strategy().validate_update(new, old)] == ["field is immutable"]


@pytest.mark.parametrize(("after", "expected"), [
    pytest.param({"collisionCount": 2}, [], id="more collisions"),
    pytest.param({"collisionCount": 0}, ["status.collisionCount: Invalid value: 0: cannot be decremented"], id="fewer"),
    pytest.param({"collisionCount": 1, "numberReady": -1}, ["status.numberReady: Invalid value: -1: must be greater than or equal to 0"], id="negative"),
])
def test_what_a_daemon_sets_status_may_say(after: Document, expected: list[str]) -> None:
    found = by_kind("apps", "DaemonSet").strategy().validate_status_update({"status": after}, {"status": {"collisionCount": 1}})
    assert [str(fault) for fault in found] == expected


@pytest.mark.parametrize(("revision", "expected"), [
    pytest.param({"revision": 1, "data": {}}, [], id="good"),
    pytest.param({"revision": -1}, ["data: Required value: data is mandatory", "revision: Invalid value: -1: must be greater than or equal to 0"], id="bad"),
])
def test_controller_revisions_that_are_refused(revision: Document, expected: list[str]) -> None:
    assert faults("apps", "ControllerRevision", revision) == expected


def test_of_a_controller_revision_only_the_number_may_change() -> None:
    strategy = by_kind("apps", "ControllerRevision").strategy()
    assert strategy.validate_update({"revision": 2, "data": {"a": 1}}, {"revision": 1, "data": {"a": 1}}) == []
    fault, = strategy.validate_update({"revision": 2, "data": {"a": 2}}, {"revision": 1, "data": {"a": 1}})
    assert str(fault) == 'data: Invalid value: {"a":2}: field is immutable'


def test_a_replication_controller_takes_selector_and_labels_from_its_template() -> None:
    document = defaulted("", "ReplicationController", {"metadata": {"name": "r"}, "spec": {"template": TEMPLATE}})
    assert (document["spec"]["selector"], document["metadata"]["labels"], document["spec"]["replicas"]) == (LABELS, LABELS, 1)
    given = defaulted("", "ReplicationController", {"metadata": {"labels": {"x": "y"}}, "spec": {"replicas": 0, "selector": {"b": "c"}, "template": TEMPLATE}})
    assert (given["spec"]["selector"], given["metadata"]["labels"], given["spec"]["replicas"]) == ({"b": "c"}, {"x": "y"}, 0)


@pytest.mark.parametrize(("document", "expected"), [
    pytest.param(a_controller(), [], id="good"),
    pytest.param(a_controller(selector={"app": "b"}), [
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'], id="another selector"),
    pytest.param({"spec": {"replicas": -1}}, ["spec.selector: Required value", "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                                              "spec.template: Required value"], id="nothing"),
    pytest.param(a_controller(template={**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never", "activeDeadlineSeconds": 5}}), [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        "spec.template.spec.activeDeadlineSeconds: Invalid value: 5: must not be specified"], id="pods that end"),
])
def test_replication_controllers_that_are_refused(document: Document, expected: list[str]) -> None:
    assert faults("", "ReplicationController", document) == expected


@pytest.mark.parametrize(("group", "kind", "document", "row"), [
    ("apps", "DaemonSet", {"spec": {**a_daemon_set()["spec"], "template": {"spec": {**TEMPLATE["spec"], "nodeSelector": {"z": "1", "a": "2"}}}},
                           "status": {"desiredNumberScheduled": 5, "currentNumberScheduled": 4, "numberReady": 3, "updatedNumberScheduled": 2,
                                      "numberAvailable": 1}}, ["a", 5, 4, 3, 2, 1, "a=2,z=1", "60m", "c", "i", "app=a"]),
    ("apps", "ControllerRevision", {"revision": 3, "metadata": {**META, "ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "controller": True}]}}, ["a", "daemonset.apps/d", 3, "60m"]),
    ("apps", "ControllerRevision", {"revision": 3}, ["a", "<none>", 3, "60m"]),
    ("", "ReplicationController", {**a_controller(replicas=3), "metadata": META, "status": {"replicas": 2, "readyReplicas": 1}},
     ["a", 3, 2, 1, "60m", "c", "i", "app=a"]),
], ids=["daemon set", "controller revision", "orphan", "replication controller"])
def test_rows(group: str, kind: str, document: Document, row: list[Any]) -> None:
    document = {"metadata": META, **document}
    assert [column.cell(document, NOW) for column in by_kind(group, kind).columns()] == row

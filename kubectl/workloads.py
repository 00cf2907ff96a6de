"""What rollouts and pod templates are in the kinds that have them."""
from __future__ import annotations

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.session import Session

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"


def pod_spec_path(kind: str) -> tuple[str, ...] | None:
    """Where a kind keeps its pods' spec; None where it has none."""
    if kind == "Pod":
        return ("spec",)
    if kind == "CronJob":
        return ("spec", "jobTemplate", "spec", "template", "spec")
    if kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController", "PodTemplate"):
        return ("template", "spec") if kind == "PodTemplate" else ("spec", "template", "spec")
    return None


def at(document: Document, path: tuple[str, ...]) -> Any:
    """The value at the path; {} where there is none."""
    value: Any = document
    for name in path:
        value = value.get(name) or {}
    return value


def nested(path: tuple[str, ...], value: Any) -> Any:
    """`nested(("a", "b"), 1)` is {"a": {"b": 1}}."""
    for name in reversed(path):
        value = {name: value}
    return value


def group_kind(document: Document) -> str:
    """As upstream names kinds in messages: `ReplicaSet.apps`, `Pod`."""
    group, slash, _ = document.get("apiVersion", "").rpartition("/")
    return f"{document['kind']}.{group}" if slash else str(document["kind"])


def revision_of(document: Document) -> int:
    """A replica set's or deployment's revision; 0 without one."""
    text = (document["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def controller_of(document: Document) -> Document | None:
    return next((owner for owner in document["metadata"].get("ownerReferences") or [] if owner.get("controller")), None)


def replica_sets(session: Session, deployment: Document) -> list[Document]:
    """The replica sets that the deployment controls."""
    from kubectl.pods import selector_text
    metadata = deployment["metadata"]
    found = session.client.get(f"/apis/apps/v1/namespaces/{metadata['namespace']}/replicasets", {"labelSelector": selector_text(deployment)})
    return [each for each in found["items"] if (controller_of(each) or {}).get("uid") == metadata["uid"]]


def controller_revisions(session: Session, workload: Document) -> list[Document]:
    """The revisions of a daemon set or stateful set, oldest first."""
    metadata = workload["metadata"]
    found = session.client.get(f"/apis/apps/v1/namespaces/{metadata['namespace']}/controllerrevisions")["items"]
    return sorted((each for each in found if (controller_of(each) or {}).get("uid") == metadata["uid"]), key=lambda each: each["revision"])


def bare_template(template: Document) -> Document:
    """A replica set's template as its deployment's: without the hash label."""
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != "pod-template-hash"}
    return {**template, "metadata": metadata}


def same_template(left: Document, right: Document) -> bool:
    """Equal but for the hash label."""
    a, b = bare_template(left), bare_template(right)
    for template in (a, b):
        template["metadata"] = {key: value for key, value in template["metadata"].items() if key != "creationTimestamp" and value}
    return a == b


def status_of(document: Document, revision: int = 0) -> tuple[str, bool]:
    """Upstream's sentence on how far the rollout is, and whether it is over. Raises CommandError."""
    words = {"Deployment": _deployment, "DaemonSet": _daemon_set, "StatefulSet": _stateful_set}.get(document["kind"])
    if words is None:
        raise CommandError(f'no status viewer has been implemented for {group_kind(document)}')
    return words(document, revision)


def _observed(document: Document) -> bool:
    return bool(document["metadata"].get("generation", 0) <= document.get("status", {}).get("observedGeneration", 0))


def _deployment(document: Document, revision: int) -> tuple[str, bool]:
    name, status = document["metadata"]["name"], document.get("status", {})
    if revision and revision != revision_of(document):
        raise CommandError(f"desired revision ({revision}) is different from the running revision ({revision_of(document)})")
    if not _observed(document):
        return "Waiting for deployment spec update to be observed...\n", False
    for condition in status.get("conditions") or []:
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            raise CommandError(f'deployment "{name}" exceeded its progress deadline')
    replicas, updated, available = (status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas"))
    wanted = document["spec"].get("replicas", 1)
    start = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{start}{updated} out of {wanted} new replicas have been updated...\n", False
    if replicas > updated:
        return f"{start}{replicas - updated} old replicas are pending termination...\n", False
    if available < updated:
        return f"{start}{available} of {updated} updated replicas are available...\n", False
    return f'deployment "{name}" successfully rolled out\n', True


def _daemon_set(document: Document, revision: int) -> tuple[str, bool]:
    name, status = document["metadata"]["name"], document.get("status", {})
    if document["spec"].get("updateStrategy", {}).get("type", "RollingUpdate") != "RollingUpdate":
        raise CommandError("rollout status is only available for RollingUpdate strategy type")
    if not _observed(document):
        return "Waiting for daemon set spec update to be observed...\n", False
    desired, updated, available = (status.get(key, 0) for key in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"))
    start = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < desired:
        return f"{start}{updated} out of {desired} new pods have been updated...\n", False
    if available < desired:
        return f"{start}{available} of {desired} updated pods are available...\n", False
    return f'daemon set "{name}" successfully rolled out\n', True


def _stateful_set(document: Document, revision: int) -> tuple[str, bool]:
    spec, status = document["spec"], document.get("status", {})
    strategy = spec.get("updateStrategy", {})
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        raise CommandError("rollout status is only available for RollingUpdate strategy type")
    if not status.get("observedGeneration") or not _observed(document):
        return "Waiting for statefulset spec update to be observed...\n", False
    wanted, ready, updated = spec.get("replicas", 1), status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...\n", False
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    if partition:
        if updated < wanted - partition:
            return f"Waiting for partitioned roll out to finish: {updated} out of {wanted - partition} new pods have been updated...\n", False
        return f"partitioned roll out complete: {updated} new pods have been updated...\n", True
    if status.get("updateRevision") != status.get("currentRevision"):
        return f"waiting for statefulset rolling update to complete {updated} pods at revision {status.get('updateRevision', '')}...\n", False
    return f"statefulset rolling update complete {status.get('currentReplicas', 0)} pods at revision {status.get('currentRevision', '')}...\n", True

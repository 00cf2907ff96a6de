"""From what a user names (a pod, a deployment, a service) to the pods behind it and their containers."""
from __future__ import annotations

import sys

from kubectl import builder
from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_FIELDS = (("spec.containers", "containers"), ("spec.initContainers", "initContainers"), ("spec.ephemeralContainers", "ephemeralContainers"))


def is_ready(pod: Document) -> bool:
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in pod.get("status", {}).get("conditions") or [])


def restarts(pod: Document) -> int:
    return max((status.get("restartCount", 0) for status in pod.get("status", {}).get("containerStatuses") or []), default=0)


def container_names(pod: Document) -> str:
    """All containers, as upstream lists them."""
    spec = pod["spec"]
    return ", ".join([*(container["name"] for container in spec["containers"]),
                      *(f"{container['name']} (ephem)" for container in spec.get("ephemeralContainers") or []),
                      *(f"{container['name']} (init)" for container in spec.get("initContainers") or [])])


def has_container(pod: Document, name: str) -> bool:
    return any(container["name"] == name for _, field in _FIELDS for container in pod["spec"].get(field) or [])


def container_of(pod: Document, name: str, *, quiet: bool = False) -> str:
    """The container meant by -c, by the pod's annotation, or the first. Raises CommandError."""
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    chosen = name
    if not chosen and (annotated := (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)):
        if has_container(pod, annotated):
            chosen = annotated
        else:
            print(f'Default container name "{annotated}" not found in pod {pod_name}', file=sys.stderr)
    if not chosen:
        chosen = spec["containers"][0]["name"]
        if not quiet and (len(spec["containers"]) > 1 or spec.get("initContainers") or spec.get("ephemeralContainers")):
            print(f'Defaulted container "{chosen}" out of: {container_names(pod)}', file=sys.stderr)
    if not has_container(pod, chosen):
        raise CommandError(f"container {chosen} is not valid for pod {pod_name}")
    return chosen


def selector_text(document: Document, doing: str = "") -> str:
    """The label selector of a workload or a service, as a query. Raises CommandError."""
    selector = document.get("spec", {}).get("selector") or {}
    if document["kind"] in ("Service", "ReplicationController"):
        if not selector:
            raise CommandError(f"invalid service '{document['metadata']['name']}': Service is defined without a selector")
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        raise CommandError(f"{doing}selector for *v1.{document['kind']} not implemented")
    words = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        values = ",".join(expression.get("values") or [])
        words.append({"In": f"{expression['key']} in ({values})", "NotIn": f"{expression['key']} notin ({values})",
                      "Exists": expression["key"], "DoesNotExist": f"!{expression['key']}"}[expression["operator"]])
    return ",".join(words)


def behind(session: Session, target: Target, *, to_log: bool = False) -> list[Document]:
    """The pods of the target, the best first: for logs a ready one, the busiest; for exec the one that is ready longest."""
    document = target.fetch(session)
    if document["kind"] == "Pod":
        return [document]
    found = session.client.get(f"/api/v1/namespaces/{target.namespace}/pods", {
        "labelSelector": selector_text(document, f"cannot get the logs from *v1.{document['kind']}: " if to_log else "")})["items"]
    if not found:
        raise CommandError(f"timed out waiting for the condition: no pods of {target.kind.plural}/{target.name}")
    return sorted(found, key=lambda pod: _rank(pod, to_log))


def _rank(pod: Document, to_log: bool) -> tuple[bool, int, bool, int, str]:
    phases = ["Running", "Unknown", "Pending"]
    phase = pod.get("status", {}).get("phase", "")
    return (not pod["spec"].get("nodeName"), phases.index(phase) if phase in phases else len(phases), not is_ready(pod),
            -restarts(pod) if to_log else restarts(pod), pod["metadata"].get("creationTimestamp", ""))


def named(session: Session, word: str) -> Target:
    """The one target of `NAME` (a pod) or `TYPE/NAME`."""
    args = [word] if "/" in word else ["pods", word]
    return builder.targets(session, args)[0]

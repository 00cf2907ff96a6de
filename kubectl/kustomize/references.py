"""Where resources name each other: after a renaming, those who knew the old name learn the new one."""
from __future__ import annotations

from kubectl.kustomize.resources import Resource
from kubectl.workloads import at, pod_spec_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from kubeapi.resource import Document

    # (holder, key, kind that the name is of)
    Reference = tuple[Document, str, str]


def update(resources: list[Resource]) -> None:
    """Every reference to a former name becomes one to the present name; of service accounts in bindings also the namespace."""
    for each in resources:
        for holder, key, kind in _references(each.document):
            found = _known(resources, kind, str(holder.get(key) or ""), each)
            if found is not None:
                holder[key] = found.name
                if "namespace" in holder and kind == "ServiceAccount" and found.namespace:
                    holder["namespace"] = found.namespace
                if kind == "Service" and "namespace" in holder and found.namespace:
                    holder["namespace"] = found.namespace


def _known(resources: list[Resource], kind: str, name: str, referrer: Resource) -> Resource | None:
    """The resource meant: one that is called so now, else one that was, in the referrer's namespace if several were."""
    candidates = [each for each in resources if each.kind == kind and name in each.names]
    now = [each for each in candidates if each.name == name]
    near = [each for each in (now or candidates) if each.namespace == referrer.namespace]
    return next(iter(near or now or candidates), None) if name else None


def _references(document: Document) -> Iterator[Reference]:
    kind = document["kind"]
    path = pod_spec_path(kind)
    if path:
        yield from _of_pod(at(document, path))
    if kind in _BY_KIND:
        yield from _BY_KIND[kind](document)


def _of_pod(spec: Document) -> Iterator[Reference]:
    yield from ((spec, field, "ServiceAccount") for field in ("serviceAccountName", "serviceAccount") if field in spec)
    yield from ((spec, field, kind) for field, kind in (("priorityClassName", "PriorityClass"), ("runtimeClassName", "RuntimeClass")) if field in spec)
    yield from ((each, "name", "Secret") for each in spec.get("imagePullSecrets") or [])
    for volume in spec.get("volumes") or []:
        yield from _of_volume(volume)
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or []:
            for source in [*(container.get("envFrom") or []), *(each.get("valueFrom") or {} for each in container.get("env") or [])]:
                yield from ((source[key], "name", kind) for key, kind in (
                    ("configMapRef", "ConfigMap"), ("secretRef", "Secret"), ("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")) if source.get(key))


def _of_volume(volume: Document) -> Iterator[Reference]:
    for field, key, kind in (("configMap", "name", "ConfigMap"), ("secret", "secretName", "Secret"),
                             ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim")):
        if volume.get(field):
            yield volume[field], key, kind
    for source in (volume.get("projected") or {}).get("sources") or []:
        yield from ((source[field], "name", kind) for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")) if source.get(field))


def _role(document: Document) -> Iterator[Reference]:
    reference = document.get("roleRef") or {}
    yield reference, "name", str(reference.get("kind", ""))
    yield from ((each, "name", "ServiceAccount") for each in document.get("subjects") or [] if each.get("kind") == "ServiceAccount")


def _autoscaler(document: Document) -> Iterator[Reference]:
    target = (document.get("spec") or {}).get("scaleTargetRef") or {}
    yield target, "name", str(target.get("kind", ""))


def _ingress(document: Document) -> Iterator[Reference]:
    spec = document.get("spec") or {}
    backends = [spec.get("defaultBackend") or {}]
    backends += [path.get("backend") or {} for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    yield from ((backend["service"], "name", "Service") for backend in backends if backend.get("service"))
    yield from ((each, "secretName", "Secret") for each in spec.get("tls") or [] if each.get("secretName"))
    if spec.get("ingressClassName"):
        yield spec, "ingressClassName", "IngressClass"


def _stateful_set(document: Document) -> Iterator[Reference]:
    if document["spec"].get("serviceName"):
        yield document["spec"], "serviceName", "Service"


def _account(document: Document) -> Iterator[Reference]:
    yield from ((each, "name", "Secret") for field in ("secrets", "imagePullSecrets") for each in document.get(field) or [])


def _claim(document: Document) -> Iterator[Reference]:
    spec = document.get("spec") or {}
    yield from ((spec, key, kind) for key, kind in (("volumeName", "PersistentVolume"), ("storageClassName", "StorageClass")) if spec.get(key))


def _webhooks(document: Document) -> Iterator[Reference]:
    services: list[Any] = [(each.get("clientConfig") or {}).get("service") for each in document.get("webhooks") or []]
    yield from ((service, "name", "Service") for service in services if service)


def _api_service(document: Document) -> Iterator[Reference]:
    if service := (document.get("spec") or {}).get("service"):
        yield service, "name", "Service"


_BY_KIND: dict[str, Callable[[Document], Iterator[Reference]]] = {
    "RoleBinding": _role, "ClusterRoleBinding": _role, "HorizontalPodAutoscaler": _autoscaler, "Ingress": _ingress, "StatefulSet": _stateful_set,
    "ServiceAccount": _account, "PersistentVolumeClaim": _claim, "ValidatingWebhookConfiguration": _webhooks,
    "MutatingWebhookConfiguration": _webhooks, "APIService": _api_service}

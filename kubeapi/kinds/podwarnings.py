"""What is allowed in a pod or a template of pods but hardly meant: texts for `Warning` headers. Upstream: pkg/api/pod/warnings.go."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubeapi.quantity import Quantity, QuantityError
from kubeapi.repeats import Repeats
from kubeapi.validation.podspec import under_one_name

Document = dict[str, Any]
# Where a kind has its pods' template.
TEMPLATES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (), ("", "replicationcontrollers"): ("spec", "template"), ("", "podtemplates"): ("template",),
    **{("apps", plural): ("spec", "template") for plural in ("deployments", "replicasets", "statefulsets", "daemonsets")},
    ("batch", "jobs"): ("spec", "template"), ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template")}
ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead'}
VOLUMES = {
    "gitRepo": "deprecated in v1.11", "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+", "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+", "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+", "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+"}


def pod_warnings(group: str, plural: str, document: Document) -> list[str]:
    """Of a decoded document that nobody has validated yet."""
    place = TEMPLATES.get((group, plural))
    if place is None:
        return []
    found = document
    for name in place:
        found = found.get(name) or {}
    return list(_warnings(found.get("spec") or {}, found.get("metadata") or {}, "".join(f"{name}." for name in place)))


def _warnings(spec: Document, metadata: Document, at: str) -> Iterator[str]:
    annotations = metadata.get("annotations") or {}
    for name, text in ANNOTATIONS.items():
        if name in annotations:
            yield f"{at}metadata.annotations[{name}]: {text}"
    yield from _warnings_of_spec([spec, at])


def _of_spec(spec: Document, at: str) -> Iterator[str]:
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        if constraint.get("labelSelector") is None:
            yield f"{at}spec.topologySpreadConstraints[{index}].labelSelector: a null labelSelector results in matching no pod"
    for index, volume in enumerate(spec.get("volumes") or ()):
        for name in VOLUMES.keys() & volume.keys():
            yield f"{at}spec.volumes[{index}].{'storageOS' if name == 'storageos' else name}: {VOLUMES[name]}"
    yield from _repeated(spec.get("hostAliases") or (), "ip", f"{at}spec.hostAliases")
    yield from _repeated(spec.get("imagePullSecrets") or (), "name", f"{at}spec.imagePullSecrets")
    for index, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not secret.get("name"):
            yield f'{at}spec.imagePullSecrets[{index}].name: invalid empty name ""'
    ports: dict[tuple[Any, str], list[tuple[str, Document]]] = {}
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            path = f"{at}spec.{field}[{index}]"
            yield from _of_amounts(container.get("resources") or {}, path)
            yield from _of_env(container.get("env") or (), path)
            yield from _of_ports(container.get("ports") or (), path, ports)


_warnings_of_spec = Repeats(lambda asked: tuple(_of_spec(*asked)), alike=under_one_name)


def _repeated(items: Any, key: str, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, one in enumerate(items):
        value = one.get(key, "")
        if value in seen:
            yield f'{path}[{index}].{key}: duplicate {key} "{value}"'
        seen.add(value)


def _of_amounts(resources: Document, path: str) -> Iterator[str]:
    """Bytes have no fractions."""
    for name in ("memory", "ephemeral-storage"):
        for field in ("limits", "requests"):
            text = (resources.get(field) or {}).get(name)
            if text is not None and _is_fraction(text):
                yield f'{path}.resources.{field}[{name}]: fractional byte value "{text}" is invalid, must be an integer'


def _is_fraction(text: str) -> bool:
    try:
        return Quantity.parse(text).nanos % 10 ** 9 != 0
    except QuantityError:
        return False


def _of_env(items: Any, path: str) -> Iterator[str]:
    """A second definition is fine where it extends the first."""
    seen: set[str] = set()
    for index, one in enumerate(items):
        name, value = one.get("name", ""), one.get("value", "")
        itself = f"$({name})"
        if name in seen and (one.get("valueFrom") is not None or value == itself or itself not in value):
            yield f'{path}.env[{index}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)


def _of_ports(items: Any, path: str, all_ports: dict[tuple[Any, str], list[tuple[str, Document]]]) -> Iterator[str]:
    for index, port in enumerate(items):
        here, key = f"{path}.ports[{index}]", (port.get("containerPort"), port.get("protocol", "TCP"))
        for there, other in all_ports.get(key, ()):
            mine, theirs = port.get("hostPort", 0), other.get("hostPort", 0)
            if (port.get("hostIP", ""), mine) == (other.get("hostIP", ""), theirs):
                yield f"{here}: duplicate port definition with {there}"
            elif not mine or not theirs:
                yield f"{here}: overlapping port definition with {there}"
        all_ports.setdefault(key, []).append((here, port))

"""What a kustomization does to all its resources: namespace, names, labels, annotations, images and replicas."""
from __future__ import annotations

import re

from kubectl.kustomize.resources import Resource
from kubectl.workloads import at, pod_spec_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

_NEVER_RENAMED = frozenset({"CustomResourceDefinition", "APIService", "Namespace"})
_SELECTORS = {"Service": ("spec", "selector"), "ReplicationController": ("spec", "selector"), "Deployment": ("spec", "selector", "matchLabels"),
              "ReplicaSet": ("spec", "selector", "matchLabels"), "DaemonSet": ("spec", "selector", "matchLabels"),
              "StatefulSet": ("spec", "selector", "matchLabels"), "PodDisruptionBudget": ("spec", "selector", "matchLabels"),
              "NetworkPolicy": ("spec", "podSelector", "matchLabels")}
# Selectors that are only changed where they are there already.
_IF_PRESENT = frozenset({"PodDisruptionBudget", "NetworkPolicy"})
_REPLICAS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"})


def set_namespace(resources: list[Resource], namespace: str) -> None:
    for each in resources:
        if each.kind == "Namespace":
            each.rename(namespace)
        elif each.is_namespaced:
            each.document["metadata"]["namespace"] = namespace
            each.spaces.add(namespace)
        for subject in each.document.get("subjects") or []:
            if subject.get("kind") == "ServiceAccount" and subject.get("name") == "default":
                subject["namespace"] = namespace


def set_affixes(resources: list[Resource], prefix: str, suffix: str) -> None:
    for each in resources:
        if each.kind not in _NEVER_RENAMED:
            each.rename(f"{prefix}{each.name}{suffix}")


def templates(document: Document) -> list[Document]:
    """The documents inside that have metadata of their own: pod templates and job templates."""
    path = pod_spec_path(document["kind"])
    if path is None or len(path) < 2:
        return []
    inner = [at(document, path[:-1])]
    if document["kind"] == "CronJob":
        inner.insert(0, at(document, ("spec", "jobTemplate")))
    return [each for each in inner if each]


def set_labels(resources: list[Resource], pairs: dict[str, str], *, selectors: bool, in_templates: bool) -> None:
    for each in resources:
        each.set_in_metadata("labels", pairs)
        if selectors or in_templates:
            for template in templates(each.document):
                _merge(template.setdefault("metadata", {}), "labels", pairs)
        if selectors:
            _select(each.document, pairs)
        if each.kind == "StatefulSet" and (selectors or in_templates):
            for claim in each.document["spec"].get("volumeClaimTemplates") or []:
                _merge(claim.setdefault("metadata", {}), "labels", pairs)


def _merge(metadata: Document, field: str, pairs: dict[str, str]) -> None:
    metadata[field] = {**(metadata.get(field) or {}), **pairs}


def _select(document: Document, pairs: dict[str, str]) -> None:
    path = _SELECTORS.get(document["kind"])
    if path is None or document["kind"] in _IF_PRESENT and not at(document, path):
        return
    if document["kind"] == "Service" and "selector" not in document.get("spec", {}):
        return
    inner = document
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    inner[path[-1]] = {**(inner.get(path[-1]) or {}), **pairs}


def set_annotations(resources: list[Resource], pairs: dict[str, str]) -> None:
    for each in resources:
        each.set_in_metadata("annotations", pairs)
        for template in templates(each.document):
            _merge(template.setdefault("metadata", {}), "annotations", pairs)


def set_images(resources: list[Resource], images: list[Document]) -> None:
    for each in resources:
        path = pod_spec_path(each.kind)
        spec = at(each.document, path) if path else {}
        for field in ("initContainers", "containers", "ephemeralContainers"):
            for container in spec.get(field) or []:
                for image in images:
                    container["image"] = _changed(container.get("image", ""), image)


def _changed(text: str, image: Document) -> str:
    """The image reference as an `images:` entry wants it; what the entry does not name stays."""
    match = re.fullmatch(r"(?P<name>.*?)(:(?P<tag>[\w.-]{1,128}))?(@(?P<digest>\w+:\w+))?", text)
    if match is None or match["name"] != image["name"]:
        return text
    name = image.get("newName") or match["name"]
    tag, digest = match["tag"], match["digest"]
    if image.get("newTag") or image.get("digest"):
        tag, digest = image.get("newTag"), image.get("digest")
        if digest:
            tag = None if not image.get("newTag") else tag
    return name + (f":{tag}{image.get('tagSuffix', '')}" if tag else "") + (f"@{digest}" if digest else "")


def set_replicas(resources: list[Resource], wanted: list[Document]) -> None:
    for entry in wanted:
        for each in resources:
            if each.kind in _REPLICAS and entry["name"] in each.names:
                each.document.setdefault("spec", {})["replicas"] = entry.get("count", 0)

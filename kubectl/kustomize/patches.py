"""patches: strategic merge patches and JSON patches, each for the resources that its target describes."""
from __future__ import annotations

import re

from kubectl import manifests
from kubectl.errors import CommandError
from kubectl.kustomize.resources import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document


def apply(resources: list[Resource], text: str, target: Document | None, source: str) -> None:
    """Patch what the target means; a strategic patch without one is for the resource that it names. Raises CommandError."""
    try:
        patch = manifests.parse_one(text)
    except ValueError as error:
        raise CommandError(f"unable to parse SM or JSON patch from [{source or text}]: {error}") from None
    if isinstance(patch, list):
        if not target:
            raise CommandError(f"must specify a target for JSON patch [{source or text}]")
        for each in _meant(resources, target):
            each.document = _json(each.document, patch, each)
        return
    for document in manifests.parse(text, source):
        if target is None and not (document.get("kind") and (document.get("metadata") or {}).get("name")):
            raise CommandError(f"unable to parse SM or JSON patch from [{source or text}]")
        meant = _meant(resources, target) if target else _named(resources, document)
        for each in meant:
            _merge(resources, each, document)


def _meant(resources: list[Resource], target: Document) -> list[Resource]:
    from kubeapi import labels
    found = []
    for each in resources:
        metadata = each.document["metadata"]
        if all(_is_like(target.get(key), value) for key, value in (("group", each.group), ("version", each.version), ("kind", each.kind))) \
                and any(_is_like(target.get("name"), name) for name in each.names) and any(_is_like(target.get("namespace"), space) for space in each.spaces) \
                and labels.parse(target.get("labelSelector") or "").matches(metadata.get("labels") or {}) \
                and labels.parse(target.get("annotationSelector") or "").matches(metadata.get("annotations") or {}):
            found.append(each)
    return found


def _is_like(pattern: str | None, value: str) -> bool:
    return not pattern or re.fullmatch(pattern, value) is not None


def _named(resources: list[Resource], patch: Document) -> list[Resource]:
    wanted = Resource(patch)
    found = [each for each in resources if (each.group, each.version, each.kind) == (wanted.group, wanted.version, wanted.kind)
             and wanted.name in each.names and (not wanted.namespace or wanted.namespace in each.spaces)]
    if not found:
        raise CommandError(f"no resource matches strategic merge patch \"{wanted.text}\": no matches for Id {wanted.text}; failed to find unique target "
                           f"for patch {wanted.text}")
    return found


def _json(document: Document, operations: list[Any], resource: Resource) -> Document:
    from kubeapi.patch import jsonpatch
    try:
        patched: Document = jsonpatch.apply(document, operations)
    except ValueError as error:
        raise CommandError(f"{resource.text}: {error}") from None
    return patched


def _merge(resources: list[Resource], each: Resource, patch: Document) -> None:
    if patch.get("$patch") == "delete":
        resources.remove(each)
        return
    from kubeapi.patch import mergepatch, strategic
    from kubeapi.schemas import UnknownType, schema_of
    kept = {key: each.document[key] for key in ("apiVersion", "kind")}
    name, namespace = each.name, each.namespace
    try:
        merged = strategic.apply(each.document, patch, schema_of(each.group, each.version, each.kind))
    except UnknownType:
        merged = mergepatch.apply(each.document, patch)
    merged["metadata"]["name"] = name
    if namespace:
        merged["metadata"]["namespace"] = namespace
    else:
        merged["metadata"].pop("namespace", None)
    each.document = {**merged, **kept}

"""configMapGenerator and secretGenerator: resources made of literals, files and env files."""
from __future__ import annotations

import os

from kubectl.errors import CommandError
from kubectl.generators.data import base64, entries, text_or_binary
from kubectl.kustomize import bounds
from kubectl.kustomize.resources import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document


def generate(kind: str, spec: Document, options: Document, root: str, known: list[Resource]) -> None:
    """Add the resource to what is known, or merge it into the one of its name. Raises CommandError."""
    data = _data(spec, root)
    document: Document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": spec["name"]}}
    if spec.get("namespace"):
        document["metadata"]["namespace"] = spec["namespace"]
    if kind == "ConfigMap":
        document |= text_or_binary(data)
    else:
        document |= {"data": {key: base64(value) for key, value in data.items()}, "type": spec.get("type") or "Opaque"}
    merged = _merged(options, spec.get("options") or {})
    for field in ("labels", "annotations"):
        if merged.get(field):
            document["metadata"][field] = dict(merged[field])
    if merged.get("immutable"):
        document["immutable"] = True
    new = Resource(document, wants_hash=not merged.get("disableNameSuffixHash"))
    _add(new, spec.get("behavior") or "create", known)


def _merged(common: Document, own: Document) -> Document:
    return {**common, **own, **{field: {**(common.get(field) or {}), **(own.get(field) or {})} for field in ("labels", "annotations")}}


def _data(spec: Document, root: str) -> dict[str, bytes]:
    files = [_below(root, source) for source in spec.get("files") or []]
    env_files = [os.path.join(root, path) for path in [*(spec.get("envs") or []), *([spec["env"]] if spec.get("env") else [])]]
    for source in (*(spec.get("files") or []), *(spec.get("envs") or [])):
        path = os.path.join(root, str(source).rpartition("=")[2])
        kind = "file" if source in (spec.get("files") or []) else "env"
        missing = "" if os.path.exists(path) else f"evalsymlink failure on '{path}' : lstat {path}: no such file or directory"
        if reason := missing or bounds.outside(root, path):
            raise CommandError(f"loading KV pairs: {kind} sources: [{source}]: {reason}")
    return dict(entries([str(literal) for literal in spec.get("literals") or []], files, env_files))


def _below(root: str, source: str) -> str:
    key, given, path = source.partition("=")
    return f"{key}={os.path.join(root, path)}" if given else f"{os.path.basename(source)}={os.path.join(root, source)}"


def _add(new: Resource, behavior: str, known: list[Resource]) -> None:
    old = next((each for each in known if each.kind == new.kind and new.name in each.names), None)
    if behavior == "create":
        if old is not None and old.is_same(new):
            raise CommandError(f"may not add resource with an already registered id: {new.text}")
        known.append(new)
        return
    if old is None:
        raise CommandError(f'id resid.ResId{{Gvk:resid.Gvk{{Group:"", Version:"v1", Kind:"{new.kind}", isClusterScoped:false}}, Name:"{new.name}", '
                           f'Namespace:"{new.namespace}"}} does not exist; cannot merge or replace')
    for field in ("data", "binaryData"):
        values: dict[str, Any] = {**((old.document.get(field) or {}) if behavior == "merge" else {}), **(new.document.get(field) or {})}
        old.document.pop(field, None)
        if values:
            old.document[field] = values
    for field in ("labels", "annotations"):
        if new.document["metadata"].get(field):
            old.set_in_metadata(field, new.document["metadata"][field])
    old.wants_hash = old.wants_hash or new.wants_hash

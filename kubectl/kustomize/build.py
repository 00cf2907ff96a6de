"""Reads a kustomization and those below it, and does what they say.

Order within one: resources (bases first), components, generators, patches, namespace, prefix and suffix, labels,
annotations, replicas, images; then references follow the new names. Hash suffixes come last of all.
"""
from __future__ import annotations

import os

from kubectl import manifests
from kubectl.errors import CommandError
from kubectl.kustomize import bounds, generators, hashes, patches, references, transformers
from kubectl.kustomize.resources import Resource, in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document

_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_KNOWN = frozenset({"apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace", "namePrefix", "nameSuffix", "labels", "commonLabels",
                    "commonAnnotations", "images", "replicas", "patches", "patchesStrategicMerge", "patchesJson6902", "configMapGenerator",
                    "secretGenerator", "generatorOptions", "buildMetadata", "sortOptions", "openapi"})
_UNSUPPORTED = ("generators", "transformers", "validators", "helmCharts", "helmGlobals", "helmChartInflationGenerator", "vars", "replacements",
                "configurations", "crds")


def build(directory: str) -> list[Document]:
    """The documents that the kustomization in the directory makes. Raises CommandError."""
    resources = _accumulate(os.path.abspath(_checked(directory, directory)), [])
    for each in resources:
        if each.wants_hash:
            each.rename(f"{each.name}-{hashes.suffix({**each.document, 'metadata': {'name': ''}})}")
    references.update(resources)
    return [each.document for each in in_order(resources)]


def _checked(path: str, shown: str) -> str:
    if "://" in path or path.startswith("git@"):
        raise CommandError(f"{path}: kustomizations from other machines are not supported by this kubectl: clone it and name the directory")
    if not os.path.exists(path):
        raise CommandError(f"must build at directory: not a valid directory: evalsymlink failure on '{shown}' : lstat {os.path.abspath(path)}: "
                           "no such file or directory")
    if not os.path.isdir(path):
        raise CommandError(f"must build at directory: '{path}': file is not directory")
    return path


def _kustomization(root: str) -> Document:
    found = [name for name in _FILES if os.path.isfile(os.path.join(root, name))]
    if not found:
        raise CommandError(f"unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{root}'")
    if len(found) > 1:
        raise CommandError(f"Found multiple kustomization files: {root}")
    text = manifests.text_of(os.path.join(root, found[0]))
    try:
        document = manifests.parse_one(text) if text.strip() else {}
    except ValueError as error:
        raise CommandError(f"invalid Kustomization: {error}") from None
    if not isinstance(document, dict) or not set(document) - {"apiVersion", "kind", "metadata"}:
        raise CommandError(f"{found[0]} is empty")
    for field in _UNSUPPORTED:
        if document.get(field):
            raise CommandError(f"the field {field!r} of {os.path.join(root, found[0])} is not supported by this kubectl")
    unknown = sorted(set(document) - _KNOWN)
    if unknown:
        raise CommandError(f'invalid Kustomization: json: unknown field "{unknown[0]}"')
    for old in ("bases", "commonLabels", "patchesStrategicMerge", "patchesJson6902"):
        if document.get(old):
            import sys
            new = {"bases": "resources", "commonLabels": "labels"}.get(old, "patches")
            print(f"# Warning: '{old}' is deprecated. Please use '{new}' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
                  file=sys.stderr)
    return document


def _accumulate(root: str, above: list[str]) -> list[Resource]:
    """The resources of one kustomization, transformed."""
    if root in above:
        raise CommandError(f"cycle detected: candidate root '{root}' contains visited root '{above[-1]}'")
    spec = _kustomization(root)
    resources: list[Resource] = []
    for path in [*(spec.get("resources") or []), *(spec.get("bases") or [])]:
        _add(resources, _loaded(root, str(path), above), str(path))
    for path in spec.get("components") or []:
        component = os.path.abspath(_checked(os.path.join(root, path), str(path)))
        _transform(resources, _kustomization(component), component, above)
    _transform(resources, spec, root, above)
    return resources


def _loaded(root: str, path: str, above: list[str]) -> list[Resource]:
    full = os.path.abspath(os.path.join(root, path))
    if "://" in path or path.startswith("git@"):
        _checked(path, path)
    if not os.path.exists(full):
        reason = f"evalsymlink failure on '{full}' : lstat {full}: no such file or directory"
        raise CommandError(f"accumulating resources: accumulation err='accumulating resources from '{path}': {reason}': must build at directory: "
                           f"not a valid directory: {reason}")
    if os.path.isdir(full):
        return _accumulate(full, [*above, root])
    bounds.check(root, full)
    return [Resource({**document, "metadata": dict(document.get("metadata") or {})}) for document in manifests.parse(manifests.text_of(full), full)]


def _add(resources: list[Resource], new: list[Resource], path: str) -> None:
    for each in new:
        if any(each.is_same(other) for other in resources):
            raise CommandError(f"accumulating resources: accumulation err='merging resources from '{path}': may not add resource with an already registered "
                               f"id: {each.text}': must build at directory: '{path}': file is not directory")
        resources.append(each)


def _transform(resources: list[Resource], spec: Document, root: str, above: list[str]) -> None:
    if spec.get("kind") == "Component":
        for path in spec.get("resources") or []:
            _add(resources, _loaded(root, str(path), above), str(path))
    for kind, field in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for entry in spec.get(field) or []:
            generators.generate(kind, entry, spec.get("generatorOptions") or {}, root, resources)
    for text, target, source in _patches(spec, root):
        patches.apply(resources, text, target, source)
    if spec.get("namespace"):
        transformers.set_namespace(resources, spec["namespace"])
    if spec.get("namePrefix") or spec.get("nameSuffix"):
        transformers.set_affixes(resources, spec.get("namePrefix") or "", spec.get("nameSuffix") or "")
    for entry in spec.get("labels") or []:
        transformers.set_labels(resources, _pairs(entry.get("pairs")), selectors=bool(entry.get("includeSelectors")),
                                in_templates=bool(entry.get("includeTemplates")))
    if spec.get("commonLabels"):
        transformers.set_labels(resources, _pairs(spec["commonLabels"]), selectors=True, in_templates=True)
    if spec.get("commonAnnotations"):
        transformers.set_annotations(resources, _pairs(spec["commonAnnotations"]))
    transformers.set_replicas(resources, spec.get("replicas") or [])
    transformers.set_images(resources, spec.get("images") or [])
    references.update(resources)


def _pairs(values: Any) -> dict[str, str]:
    for key, value in (values or {}).items():
        if not isinstance(value, str):
            kind = "bool" if isinstance(value, bool) else "number"
            raise CommandError(f"invalid Kustomization: json: cannot unmarshal {kind} into Go struct field Label.labels.pairs of type string: {key}")
    return dict(values or {})


def _patches(spec: Document, root: str) -> list[tuple[str, Document | None, str]]:
    """(text, target, where it comes from) of all patches."""
    found: list[tuple[str, Document | None, str]] = []
    for entry in spec.get("patches") or []:
        if bool(entry.get("path")) == bool(entry.get("patch")):
            raise CommandError("must specify one of patch and path in" if not entry.get("path") else "patch and path can't be set at the same time")
        found.append((_text(root, entry["path"]) if entry.get("path") else entry["patch"], entry.get("target"), entry.get("path") or ""))
    for text in spec.get("patchesStrategicMerge") or []:
        is_inline = "\n" in text
        found.append((text if is_inline else _text(root, text), None, "" if is_inline else text))
    return found + [(_text(root, entry["path"]) if entry.get("path") else entry.get("patch", ""), entry.get("target"), entry.get("path") or "")
                    for entry in spec.get("patchesJson6902") or []]


def _text(root: str, path: str) -> str:
    full = os.path.abspath(os.path.join(root, path))
    if not os.path.exists(full):
        raise CommandError(f"failed to get the patch file from path({path}): evalsymlink failure on '{full}' : lstat {full}: no such file or directory")
    bounds.check(root, full)
    return manifests.text_of(full)

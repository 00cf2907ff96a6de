"""What a client asks first: which groups, versions and resources there are. Pure, from the catalog alone."""
from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from kubeapi.catalog import GROUPS, RESOURCES
from kubeapi.resource import GroupVersionKind, Resource, Subresource

Document = dict[str, Any]


def api_versions() -> Document:
    """GET /api"""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_group(group: str) -> Document:
    """GET /apis/GROUP. Raises KeyError."""
    versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in GROUPS[group]]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": versions, "preferredVersion": versions[0]}


def api_group_list() -> Document:
    """GET /apis"""
    groups = [{name: value for name, value in api_group(group).items() if name not in ("kind", "apiVersion")} for group in GROUPS if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _of(group: str, version: str) -> Iterable[Resource]:
    return (one for one in RESOURCES if one.group == group and any(each.name == version for each in one.versions))


def api_resource_list(group: str, version: str) -> Document:
    """GET /api/v1, /apis/GROUP/VERSION. Raises KeyError."""
    if version not in GROUPS[group]:
        raise KeyError(version)
    rows: list[Document] = []
    for one in _of(group, version):
        row: Document = {"name": one.plural, "singularName": one.singular or one.kind.lower(), "namespaced": one.is_namespaced,
                         "kind": one.kind, "verbs": sorted(one.verbs)}
        if one.short_names:
            row["shortNames"] = list(one.short_names)
        if one.categories:
            row["categories"] = list(one.categories)
        if "watch" in one.verbs:
            row["storageVersionHash"] = storage_version_hash(one)
        rows.append(row)
        rows += [_subresource_row(one, sub, group, version) for _, sub in sorted(one.subresources.items())]
    return {"kind": "APIResourceList", **({"apiVersion": "v1"} if group else {}), "groupVersion": f"{group}/{version}" if group else version, "resources": rows}


def storage_version_hash(one: Resource) -> str:
    """Changes when objects come to be stored in another version; events of both groups are stored as core's."""
    gvk = f"/v1/{one.kind}" if one.plural == "events" else f"{one.group}/{one.storage_version}/{one.kind}"
    return base64.b64encode(hashlib.sha256(gvk.encode()).digest()[:8]).decode()


def _subresource_row(one: Resource, sub: Subresource, group: str, version: str) -> Document:
    kind = sub.kind_in(one.gvk(version))
    row: Document = {"name": f"{one.plural}/{sub.name}", "singularName": "", "namespaced": one.is_namespaced,
                     "kind": kind.kind, "verbs": sorted(sub.verbs)}
    if (kind.group, kind.version) != (group, version):
        row |= {"group": kind.group, "version": kind.version}
    return row


def aggregated(version: str, *, core: bool) -> Document:
    """The aggregated form (apidiscovery.k8s.io), of /api or of /apis; `version` is v2 or v2beta1."""
    items = [{"metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
              "versions": [{"version": each, "resources": [_aggregated(one, each) for one in _of(group, each)], "freshness": "Current"}
                           for each in GROUPS[group]]} for group in GROUPS if bool(group) is not core]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}, "items": items}


def _aggregated(one: Resource, version: str) -> Document:
    row: Document = {"resource": one.plural, "responseKind": _response_kind(one.gvk(version), one, version),
                     "scope": one.scope.value, "singularResource": one.singular or one.kind.lower(), "verbs": sorted(one.verbs)}
    if one.short_names:
        row["shortNames"] = list(one.short_names)
    if one.categories:
        row["categories"] = list(one.categories)
    if one.subresources:
        row["subresources"] = [{
            "subresource": sub.name, "verbs": sorted(sub.verbs), "responseKind": _response_kind(sub.kind_in(one.gvk(version)), one, version)}
            for _, sub in sorted(one.subresources.items())]
    return row


def _response_kind(kind: GroupVersionKind, one: Resource, version: str) -> Document:
    """Group and version are told where they are others than those the resource is listed under (as upstream)."""
    is_own = (kind.group, kind.version) == (one.group, version)
    return {"group": "" if is_own else kind.group, "version": "" if is_own else kind.version, "kind": kind.kind}

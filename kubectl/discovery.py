"""Which resources the server has, kept on disk for six hours (and asked again as soon as a name is not found there).

A Kind is one served version of one resource: what a name on the command line or a manifest's kind stands for.
"""
from __future__ import annotations

import json
import os

from kubectl.errors import CommandError, StatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.client import Client

_FRESH_SECONDS = 6 * 3600
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


class Kind:
    """One resource in one version."""

    __slots__ = ("categories", "group", "kind", "namespaced", "plural", "preferred", "short_names", "singular", "verbs", "version")

    def __init__(self, fields: list[Any]) -> None:
        (self.group, self.version, self.plural, self.kind, self.singular, self.namespaced, self.preferred,
         self.verbs, self.short_names, self.categories) = fields

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else str(self.version)

    @property
    def group_resource(self) -> str:
        """`deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else str(self.plural)

    @property
    def group_kind(self) -> str:
        """`deployment.apps`, `pod`: how a kind is called in output."""
        return f"{self.kind.lower()}.{self.group}" if self.group else str(self.kind.lower())

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path; an empty namespace means all of them."""
        from kubectl.client import quote
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = ["namespaces", quote(namespace)] if self.namespaced and namespace else []
        parts += [self.plural, *([quote(name)] if name else []), *([subresource] if subresource else [])]
        return "/".join([root, *parts])


class NoSuchType(CommandError):
    """The server has no resource of this name."""


class Discovery:
    """The server's resources, by the names that users write."""

    def __init__(self, client: Client, cache_directory: str, now: Callable[[], float]) -> None:
        self._client, self._now = client, now
        host = "".join(letter if letter.isalnum() or letter in ".-_" else "_" for letter in client.origin.partition("://")[2])
        self._path = os.path.join(cache_directory, "picokube", f"{host}.json")
        self._kinds: list[Kind] = []
        self._is_fresh = False

    def kinds(self, refresh: bool = False) -> list[Kind]:
        """Every resource in discovery order, preferred versions first within a group."""
        if refresh and not self._is_fresh or not self._kinds:
            rows = None if refresh else self._cached()
            if rows is None:
                rows = _fetch(self._client)
                self._is_fresh = True
                self._keep(rows)
            self._kinds = [Kind(row) for row in rows]
        return self._kinds

    def find(self, word: str) -> Kind:
        """The resource a user calls `po`, `pods`, `deployments.apps` or `deployments.v1.apps`. Raises NoSuchType."""
        for refresh in (False, True):
            found = self._match(word.lower(), refresh)
            if found is not None:
                return found
        raise NoSuchType(f'the server doesn\'t have a resource type "{word.partition(".")[0]}"')

    def _match(self, word: str, refresh: bool) -> Kind | None:
        kinds = self.kinds(refresh)
        name, _, rest = word.partition(".")
        version, _, group = rest.partition(".")
        candidates = [kind for kind in kinds if not rest or kind.group == rest or kind.group.startswith(rest + ".")
                      or kind.version == version and kind.group == group]
        for matches in (lambda kind: name in (kind.plural, kind.singular), lambda kind: name in kind.short_names,
                        lambda kind: name == kind.kind.lower()):
            found = [kind for kind in candidates if matches(kind)]
            if found:
                return next((kind for kind in found if kind.preferred), found[0])
        return None

    def category(self, name: str) -> list[Kind]:
        """The resources of a category such as `all`; [] if there is none of this name."""
        return [kind for kind in self.kinds() if name in kind.categories and kind.preferred]

    def of_document(self, document: Document) -> Kind | None:
        """The resource that stores a manifest's apiVersion and kind."""
        wanted = (document.get("apiVersion"), document.get("kind"))
        for refresh in (False, True):
            for kind in self.kinds(refresh):
                if (kind.api_version, kind.kind) == wanted:
                    return kind
        return None

    def _cached(self) -> list[list[Any]] | None:
        try:
            if self._now() - os.stat(self._path).st_mtime > _FRESH_SECONDS:
                return None
            with open(self._path, encoding="utf-8") as file:
                rows: list[list[Any]] = json.load(file)
            return rows
        except (OSError, ValueError):
            return None

    def _keep(self, rows: list[list[Any]]) -> None:
        """Replace the file in one step; a cache that cannot be written is no failure."""
        temporary = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o750, exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(rows, file, separators=(",", ":"))
            os.replace(temporary, self._path)
        except OSError:
            return


def _fetch(client: Client) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for path in ("/api", "/apis"):
        document = client.get(path, accept=_AGGREGATED)
        if document.get("kind") == "APIGroupDiscoveryList":
            rows += _aggregated(document)
        elif document.get("kind") == "APIVersions":
            for version in document["versions"]:
                rows += _legacy(client.get(f"/api/{version}"), "", version, True)
        else:
            for group in document.get("groups", []):
                for entry in group["versions"]:
                    preferred = entry["version"] == group["preferredVersion"]["version"]
                    rows += _legacy_or_nothing(client, group["name"], entry["version"], preferred)
    return rows


def _aggregated(document: Document) -> list[list[Any]]:
    rows = []
    for group in document.get("items", []):
        preferred: set[str] = set()               # a resource is preferred in the first version that has it
        for version in group["versions"]:
            for resource in version.get("resources") or []:
                name = resource["resource"]
                kind = (resource.get("responseKind") or {}).get("kind", "")
                rows.append([group["metadata"].get("name", ""), version["version"], name, kind,
                             resource.get("singularResource") or kind.lower(), resource["scope"] == "Namespaced", name not in preferred,
                             resource.get("verbs") or [], resource.get("shortNames") or [], resource.get("categories") or []])
                preferred.add(name)
    return rows


def _legacy_or_nothing(client: Client, group: str, version: str, preferred: bool) -> list[list[Any]]:
    try:
        return _legacy(client.get(f"/apis/{group}/{version}"), group, version, preferred)
    except StatusError:
        return []                                 # an aggregated API that is down hides only itself


def _legacy(document: Document, group: str, version: str, preferred: bool) -> list[list[Any]]:
    return [[group, version, resource["name"], resource["kind"], resource.get("singularName") or resource["kind"].lower(),
             resource["namespaced"], preferred, resource["verbs"], resource.get("shortNames") or [], resource.get("categories") or []]
            for resource in document["resources"] if "/" not in resource["name"]]

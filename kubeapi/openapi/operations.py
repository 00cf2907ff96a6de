"""Every operation that is served, by path: its identifier, parameters, body and answer as upstream's OpenAPI has them. Pure.

Both versions of OpenAPI are written from this; schemas are named by their types ("core_v1.Pod").
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from kubeapi.catalog import GROUPS, RESOURCES
from kubeapi.resource import GroupVersionKind, Resource, Subresource
from kubeapi.schemas import schema_of

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
MEDIA = (JSON, YAML, PROTOBUF)
STREAMED = (*MEDIA, f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
ANYTHING = ("*/*",)
PATCH_TYPES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml")
TEXT = "string"                             # an answer that is no object
STATUS, DELETE_OPTIONS, PATCH, WATCH_EVENT = "meta_v1.Status", "meta_v1.DeleteOptions", "meta_v1.Patch", "meta_v1.WatchEvent"
NUMBERS = frozenset({"limit", "timeoutSeconds", "gracePeriodSeconds", "limitBytes", "sinceSeconds", "tailLines", "ports"})
SWITCHES = frozenset({"watch", "allowWatchBookmarks", "sendInitialEvents", "orphanDependents", "force", "follow", "previous", "timestamps",
                      "insecureSkipTLSVerifyBackend", "stderr", "stdin", "stdout", "tty"})
SELECTING = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds")
WATCHING = ("allowWatchBookmarks", *SELECTING, "watch")
DELETING = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
WRITING = ("dryRun", "fieldManager", "fieldValidation")
# What those below a pod take that are no part of it.
OPTIONS = {"attach": ("container", "stderr", "stdin", "stdout", "tty"), "exec": ("command", "container", "stderr", "stdin", "stdout", "tty"),
           "portforward": ("ports",), "proxy": ("path",),
           "log": ("container", "follow", "insecureSkipTLSVerifyBackend", "limitBytes", "previous", "sinceSeconds", "stream", "tailLines", "timestamps")}
CONNECTED = {"attach": ("get", "post"), "exec": ("get", "post"), "portforward": ("get", "post"),
             "proxy": ("delete", "get", "head", "options", "patch", "post", "put")}


class Parameter(NamedTuple):
    name: str
    place: str = "query"                    # or path

    @property
    def type(self) -> str:
        return "integer" if self.name in NUMBERS else "boolean" if self.name in SWITCHES else "string"


@dataclass(frozen=True, slots=True)
class Operation:
    path: str
    method: str
    identifier: str
    tag: str
    answer: str                             # the type of what comes back
    action: str = ""
    kind: GroupVersionKind | None = None
    queries: tuple[str, ...] = ()
    body: str = ""
    consumes: tuple[str, ...] = ANYTHING
    produces: tuple[str, ...] = MEDIA
    codes: tuple[str, ...] = ("200",)

    @property
    def parameters(self) -> Iterator[Parameter]:
        yield from (Parameter(part[1:-1], "path") for part in self.path.split("/") if part.startswith("{"))
        yield from map(Parameter, self.queries)


@cache
def of_group_version(group: str, version: str) -> tuple[Operation, ...]:
    """In discovery's order of resources."""
    root, name = root_of(group, version), _title(group, version)
    found = [Operation(f"{root}/", "get", f"get{name}APIResources", _tag(group, version), "meta_v1.APIResourceList", consumes=MEDIA)]
    for resource in RESOURCES:
        if resource.group == group and any(one.name == version for one in resource.versions):
            found += _Maker(resource, version).operations()
    return tuple(found)


def of_roots() -> Iterator[Operation]:
    """What leads to the group-versions, and what is beside them."""
    yield Operation("/api/", "get", "getCoreAPIVersions", "core", "meta_v1.APIVersions", consumes=MEDIA)
    yield Operation("/apis/", "get", "getAPIVersions", "apis", "meta_v1.APIGroupList", consumes=MEDIA)
    for group in filter(None, GROUPS):
        yield Operation(f"/apis/{group}/", "get", f"get{_title(group, '')}APIGroup", _tag(group, ""), "meta_v1.APIGroup", consumes=MEDIA)
    yield Operation("/version/", "get", "getCodeVersion", "version", "version.Info", consumes=(JSON,), produces=(JSON,))
    yield Operation("/.well-known/openid-configuration/", "get", "getServiceAccountIssuerOpenIDConfiguration", "WellKnown", TEXT, consumes=(), produces=(JSON,))
    yield Operation("/openid/v1/jwks/", "get", "getServiceAccountIssuerOpenIDKeyset", "openid", TEXT, consumes=(), produces=("application/jwk-set+json",))


def root_of(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _words(group: str) -> list[str]:
    return (group or "core").removesuffix(".k8s.io").split(".")


def _title(group: str, version: str) -> str:
    """`rbac.authorization.k8s.io`, `v1` -> `RbacAuthorizationV1`"""
    return "".join(word.capitalize() for word in [*_words(group), version])


def _tag(group: str, version: str) -> str:
    words = _words(group)
    return "_".join(filter(None, [words[0] + "".join(word.capitalize() for word in words[1:]), version]))


class _Maker:
    """The operations of one version of a resource."""

    def __init__(self, resource: Resource, version: str) -> None:
        self._resource, self._gvk = resource, resource.gvk(version)
        self._root, self._title, self._tag = root_of(resource.group, version), _title(resource.group, version), _tag(resource.group, version)
        self._scope = "Namespaced" if resource.is_namespaced else ""
        self._type = schema_of(*self._gvk).ref

    def operations(self) -> Iterable[Operation]:
        resource, below = self._resource, "/namespaces/{namespace}" if self._resource.is_namespaced else ""
        base = f"{self._root}{below}/{resource.plural}"
        yield from self._of_collection(base)
        yield from self._of_one(f"{base}/{{name}}")
        for _, sub in sorted(resource.subresources.items()):
            yield from self._of_subresource(f"{base}/{{name}}/{sub.name}", sub)
        if "list" in resource.verbs:
            yield from self._of_everywhere(below)

    def _make(self, path: str, method: str, action: str, identifier: str, answer: str, queries: Iterable[str] = (), *, kind: GroupVersionKind | None = None,
              body: str = "", consumes: tuple[str, ...] = ANYTHING, produces: tuple[str, ...] = MEDIA, codes: tuple[str, ...] = ("200",)) -> Operation:
        return Operation(path, method, identifier, self._tag, answer, action, kind or self._gvk, ("pretty", *queries), body, consumes, produces, codes)

    def _identifier(self, verb: str, suffix: str = "") -> str:
        return f"{verb}{self._title}{self._scope}{self._gvk.kind}{suffix}"

    def _of_collection(self, base: str) -> Iterator[Operation]:
        verbs = self._resource.verbs
        if "list" in verbs:
            yield self._listing(base, self._identifier("list"))
        if "create" in verbs:
            yield self._creation(base, "", self._gvk)
        if "deletecollection" in verbs:
            yield self._make(base, "delete", "deletecollection", f"delete{self._title}Collection{self._scope}{self._gvk.kind}", STATUS,
                             (*DELETING, *SELECTING), body=DELETE_OPTIONS)

    def _of_one(self, path: str) -> Iterator[Operation]:
        yield from self._parts(path, "", self._resource.verbs, self._gvk)
        if "delete" in self._resource.verbs:
            is_told = self._resource.strategy().returns_deleted_object and self._resource.plural != "namespaces"    # upstream does not tell of those
            answer = self._type if is_told else STATUS
            yield self._make(path, "delete", "delete", self._identifier("delete"), answer, DELETING, body=DELETE_OPTIONS, codes=("200", "202"))

    def _of_subresource(self, path: str, sub: Subresource) -> Iterator[Operation]:
        word, kind = sub.name.capitalize(), sub.kind_in(self._gvk)
        if sub.name in CONNECTED:
            for where, suffix in ((path, ""), *(((f"{path}/{{path}}", "WithPath"),) if sub.name == "proxy" else ())):
                for method in CONNECTED[sub.name]:
                    identifier = f"connect{self._title}{method.capitalize()}{self._scope}{self._gvk.kind}{word}{suffix}"
                    yield Operation(where, method, identifier, self._tag, TEXT, "connect", kind, OPTIONS[sub.name], produces=ANYTHING)
        elif sub.name == "log":
            yield self._make(path, "get", "get", self._identifier("read", word), TEXT, OPTIONS["log"], produces=("text/plain", *MEDIA))
        elif "create" in sub.verbs:
            yield self._creation(path, word, kind)
        else:
            yield from self._parts(path, word, sub.verbs, kind)

    def _of_everywhere(self, below: str) -> Iterator[Operation]:
        """Lists of all namespaces, and the old paths that watch."""
        plural, kind = self._resource.plural, self._gvk.kind
        if below:
            yield self._listing(f"{self._root}/{plural}", f"list{self._title}{kind}ForAllNamespaces")
        if "watch" in self._resource.verbs:
            watch = f"{self._root}/watch"
            for path, action, identifier in (
                    (f"{watch}{below}/{plural}", "watchlist", self._identifier("watch", "List")),
                    (f"{watch}{below}/{plural}/{{name}}", "watch", self._identifier("watch")),
                    *(((f"{watch}/{plural}", "watchlist", f"watch{self._title}{kind}ListForAllNamespaces"),) if below else ())):
                yield self._make(path, "get", action, identifier, WATCH_EVENT, WATCHING, produces=STREAMED)

    def _listing(self, path: str, identifier: str) -> Operation:
        produces = STREAMED if "watch" in self._resource.verbs or self._resource.plural == "componentstatuses" else MEDIA
        return self._make(path, "get", "list", identifier, f"{self._type}List", WATCHING, produces=produces)

    def _creation(self, path: str, word: str, kind: GroupVersionKind) -> Operation:
        body = schema_of(*kind).ref
        return self._make(path, "post", "post", self._identifier("create", word), body, WRITING, kind=kind, body=body, codes=("200", "201", "202"))

    def _parts(self, path: str, word: str, verbs: tuple[str, ...], kind: GroupVersionKind) -> Iterator[Operation]:
        """Reading and changing an object, or a part of it."""
        if not {"get", "update", "patch"} & set(verbs):
            return
        answer = schema_of(*kind).ref
        if "get" in verbs:
            yield self._make(path, "get", "get", self._identifier("read", word), answer, kind=kind)
        if "update" in verbs:
            yield self._make(path, "put", "put", self._identifier("replace", word), answer, WRITING, kind=kind, body=answer, codes=("200", "201"))
        if "patch" in verbs:
            yield self._make(path, "patch", "patch", self._identifier("patch", word), answer, (*WRITING, "force"), kind=kind, body=PATCH,
                             consumes=PATCH_TYPES, codes=("200", "201"))

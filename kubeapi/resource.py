"""The one declaration of a kind: all that the system knows of it derives from its Resource.

Routes, discovery, OpenAPI, the storage prefix, RBAC names, kubectl's names and columns, the typed client, informers
and the REST conformance suite read it. The catalog (`kubeapi.catalog`) is strings and imports no model.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from kubeapi.schema import Schema
from kubeapi.strategy import Strategy

Document = dict[str, Any]


class GroupResource(NamedTuple):
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


class GroupVersionResource(NamedTuple):
    group: str
    version: str
    resource: str


class GroupVersionKind(NamedTuple):
    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class Scope(Enum):
    """The value is discovery's word."""

    CLUSTER = "Cluster"
    NAMESPACED = "Namespaced"


@dataclass(frozen=True, slots=True)
class Column:
    """One printer column. `cell` gets (document, now as seconds since the epoch) and returns a JSON scalar."""

    name: str
    type: str                                     # string, integer, date ...
    cell: Callable[[Document, float], Any]
    format: str = ""
    priority: int = 0                             # 0 is always shown, above 0 with -o wide
    description: str = ""


def _same(document: Document) -> Document:
    return document


@dataclass(frozen=True, slots=True)
class Version:
    """One served version of a resource; conversions are pure and may return their argument."""

    name: str
    schema: Callable[[], Schema]                  # loaded when first used
    to_storage: Callable[[Document], Document] = _same
    from_storage: Callable[[Document], Document] = _same

    @property
    def is_stored(self) -> bool:
        """Whether objects lie in storage in this version's form."""
        return self.from_storage is _same


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object, such as `status` (kind: its own) or `scale` (autoscaling/v1 Scale)."""

    name: str
    verbs: tuple[str, ...]
    response_kind: GroupVersionKind

    def kind_in(self, own: GroupVersionKind) -> GroupVersionKind:
        """A part of the object has the kind of the object, in whichever version that is asked for."""
        return own if (self.response_kind.group, self.response_kind.kind) == (own.group, own.kind) else self.response_kind


@dataclass(frozen=True, slots=True)
class Resource:
    """Everything the cluster knows about one kind."""

    group: str
    plural: str
    kind: str
    versions: tuple[Version, ...]                 # preferred first; the first is also the storage version unless named
    storage_version: str
    scope: Scope = Scope.NAMESPACED
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    strategy: Callable[[], Strategy] = Strategy   # loaded when first used
    columns: Callable[[], tuple[Column, ...]] = tuple
    selectable_fields: Mapping[str, Callable[[Document], str]] = field(default_factory=dict)   # beyond metadata.name, .namespace

    @property
    def group_resource(self) -> GroupResource:
        return GroupResource(self.group, self.plural)

    @property
    def is_namespaced(self) -> bool:
        return self.scope is Scope.NAMESPACED

    @property
    def storage_prefix(self) -> str:
        """`/registry/apps/deployments/`; the core group is `core`; events of both groups share core's."""
        shares_core = self.group_resource == ("events.k8s.io", "events")
        return f"/registry/{'core' if shares_core else self.group or 'core'}/{self.plural}/"

    def version(self, name: str) -> Version:
        """Raises StopIteration where there is none."""
        return self.versions[0] if self.versions[0].name == name else next(one for one in self.versions if one.name == name)

    def gvk(self, version: str) -> GroupVersionKind:
        return GroupVersionKind(self.group, version, self.kind)

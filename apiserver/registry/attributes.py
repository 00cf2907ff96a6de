"""The seam to admission: what a plugin is told of a write, and the little it needs of the rest of the API."""
from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from kubeapi.resource import Resource

Document = dict[str, Any]
Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(slots=True)
class Attributes:
    """One write. `obj` is in the storage version and may be changed by `admit`; `old` is what is stored."""

    operation: Operation
    resource: Resource
    namespace: str
    name: str
    subresource: str = ""
    obj: Document | None = None
    old: Document | None = None
    user: str = ""
    groups: Sequence[str] = ()
    dry_run: bool = False
    undo: list[Callable[[], Awaitable[None]]] = field(default_factory=list)     # called when the write does not happen
    afterwards: list[Callable[[], Awaitable[None]]] = field(default_factory=list)      # called when the write is in

    def is_for(self, group: str, plural: str, subresource: str = "") -> bool:
        return (self.resource.group, self.resource.plural, self.subresource) == (group, plural, subresource)


class Objects(Protocol):
    """Other objects, read from the watch cache; documents in the storage version, shared: nobody changes them."""

    async def get(self, group: str, plural: str, namespace: str, name: str) -> Document | None: ...
    async def get_live(self, group: str, plural: str, namespace: str, name: str) -> Document | None: ...
    async def list(self, group: str, plural: str, namespace: str = "") -> Sequence[Document]: ...
    async def create(self, group: str, plural: str, document: Document) -> Document: ...
    async def delete(self, group: str, plural: str, namespace: str, name: str) -> None: ...


class Plugin:
    """Does nothing; a plugin overrides what it is for. Both methods may raise ApiStatusError."""

    name: ClassVar[str] = ""

    async def admit(self, attributes: Attributes) -> None:
        return None

    async def validate(self, attributes: Attributes) -> None:
        return None

    async def deleted(self, attributes: Attributes) -> None:
        """The object (`old`) is gone: what was reserved for it may be given back."""
        return


class Chain:
    """The enabled plugins, in order."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._admitting = [one for one in plugins if type(one).admit is not Plugin.admit]
        self._validating = [one for one in plugins if type(one).validate is not Plugin.validate]
        self._releasing = [one for one in plugins if type(one).deleted is not Plugin.deleted]

    async def admit(self, attributes: Attributes) -> None:
        for plugin in self._admitting:
            await plugin.admit(attributes)

    async def validate(self, attributes: Attributes) -> None:
        for plugin in self._validating:
            await plugin.validate(attributes)

    async def deleted(self, attributes: Attributes) -> None:
        for plugin in self._releasing:
            await plugin.deleted(attributes)

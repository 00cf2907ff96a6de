"""RuntimeClass: what a pod's sandbox costs, and where it can run at all, come from its RuntimeClass."""
from __future__ import annotations

from typing import ClassVar

from apiserver.registry.attributes import Attributes, Document, Objects, Plugin
from kubeapi import errors
from kubeapi.quantity import Quantity

GROUP = "node.k8s.io"


class RuntimeClass(Plugin):
    name: ClassVar[str] = "RuntimeClass"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for("", "pods") or attributes.obj is None:
            return
        found = await self._class(attributes, attributes.obj["spec"])
        if found is not None:
            _set_overhead(attributes, attributes.obj["spec"], found)
            _set_scheduling(attributes, attributes.obj["spec"], found.get("scheduling") or {})

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for("", "pods") or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        found = await self._class(attributes, spec)
        if spec.get("overhead") and not _overhead(found):
            raise _forbidden(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")

    async def _class(self, attributes: Attributes, spec: Document) -> Document | None:
        name = spec.get("runtimeClassName")
        if not name:
            return None
        found = await self._objects.get(GROUP, "runtimeclasses", "", name) or await self._objects.get_live(GROUP, "runtimeclasses", "", name)
        if found is None:
            raise _forbidden(attributes, f'pod rejected: RuntimeClass "{name}" not found')
        return found


def _forbidden(attributes: Attributes, message: str) -> errors.ApiStatusError:
    return errors.forbidden("pods", "", attributes.name, message)


def _overhead(found: Document | None) -> Document:
    return dict(((found or {}).get("overhead") or {}).get("podFixed") or {})


def _set_overhead(attributes: Attributes, spec: Document, found: Document) -> None:
    wanted = _overhead(found)
    if not wanted:
        return
    given = spec.get("overhead")
    if given and {name: Quantity.parse(text) for name, text in given.items()} != {name: Quantity.parse(text) for name, text in wanted.items()}:
        raise _forbidden(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    spec["overhead"] = wanted


def _set_scheduling(attributes: Attributes, spec: Document, scheduling: Document) -> None:
    """Both what the pod and what the class asks for must hold; what the class tolerates the pod does too."""
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in sorted((scheduling.get("nodeSelector") or {}).items()):
        if selector.setdefault(key, value) != value:
            raise _forbidden(attributes, f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                                         f"pod.spec.nodeSelector[{key}] = {selector[key]}")
    if selector:
        spec["nodeSelector"] = selector
    if added := [one for one in scheduling.get("tolerations") or () if one not in (spec.get("tolerations") or ())]:
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *added]

"""Priority: a pod's priority and preemption policy come from its PriorityClass; only one class may be the default."""
from __future__ import annotations

from typing import ClassVar

from apiserver.registry.attributes import Attributes, Document, Objects, Plugin
from kubeapi import errors

# Known even while their objects are lost: critical pods must not wait for them.
SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
GROUP = "scheduling.k8s.io"


class Priority(Plugin):
    name: ClassVar[str] = "Priority"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def admit(self, attributes: Attributes) -> None:
        if attributes.obj is None or not attributes.is_for("", "pods"):
            return
        if attributes.operation == "CREATE":
            await self._set_priority(attributes, attributes.obj["spec"])
        elif attributes.operation == "UPDATE" and attributes.old is not None:
            for field in ("priority", "preemptionPolicy"):
                if field in attributes.old["spec"]:
                    attributes.obj["spec"].setdefault(field, attributes.old["spec"][field])

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation == "DELETE" or not attributes.is_for(GROUP, "priorityclasses") or attributes.obj is None \
                or not attributes.obj.get("globalDefault"):
            return
        other = await self._default()
        if other is not None and other["metadata"]["name"] != attributes.obj["metadata"].get("name"):
            name = other["metadata"]["name"]
            raise errors.forbidden("priorityclasses", GROUP, attributes.name,
                                   f"PriorityClass {name} is already marked as default. Only one default can exist")

    async def _set_priority(self, attributes: Attributes, spec: Document) -> None:
        name = spec.get("priorityClassName", "")
        found = await self._class(name) if name else await self._default()
        if name and found is None:
            raise errors.forbidden("pods", "", attributes.name, f"no PriorityClass with name {name} was found")
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
        value = found["value"] if found is not None else 0
        policy = (found or {}).get("preemptionPolicy") or "PreemptLowerPriority"
        if spec.get("priority", value) != value:
            raise errors.forbidden("pods", "", attributes.name, f"the integer value of priority ({spec['priority']}) must not be provided "
                                   f"in pod spec; priority admission controller computed {value} from the given PriorityClass name")
        if spec.get("preemptionPolicy", policy) != policy:
            raise errors.forbidden("pods", "", attributes.name, f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must "
                                   f"not be provided in pod spec; priority admission controller computed {policy} from the given "
                                   "PriorityClass name")
        spec["priority"], spec["preemptionPolicy"] = value, policy

    async def _class(self, name: str) -> Document | None:
        if name in SYSTEM:
            return {"metadata": {"name": name}, "value": SYSTEM[name]}
        found = await self._objects.get(GROUP, "priorityclasses", "", name)
        return found if found is not None else await self._objects.get_live(GROUP, "priorityclasses", "", name)

    async def _default(self) -> Document | None:
        """Of several (they may have raced) the lowest counts."""
        defaults = [one for one in await self._objects.list(GROUP, "priorityclasses") if one.get("globalDefault")]
        return min(defaults, key=lambda one: int(one["value"]), default=None)

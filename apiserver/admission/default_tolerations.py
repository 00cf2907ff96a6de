"""DefaultTolerationSeconds: a pod stays for five minutes, unless told otherwise, on a node that is not ready or not reachable."""
from __future__ import annotations

from typing import Any, ClassVar

from apiserver.registry.attributes import Attributes, Plugin

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


class DefaultTolerationSeconds(Plugin):
    name: ClassVar[str] = "DefaultTolerationSeconds"

    def __init__(self, not_ready_seconds: int = 300, unreachable_seconds: int = 300) -> None:
        self._seconds = {NOT_READY: not_ready_seconds, UNREACHABLE: unreachable_seconds}

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for("", "pods") or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        tolerations: list[dict[str, Any]] = spec.get("tolerations") or []
        added = [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
                 for key, seconds in self._seconds.items() if not any(_covers(one, key) for one in tolerations)]
        if added:
            spec["tolerations"] = [*tolerations, *added]


def _covers(toleration: dict[str, Any], key: str) -> bool:
    return toleration.get("key", "") in ("", key) and toleration.get("effect", "") in ("", "NoExecute")

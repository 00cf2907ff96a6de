"""DefaultTolerationSeconds: a pod stays for five minutes on a node that is not ready or not reachable."""
from __future__ import annotations

from typing import Any, ClassVar

from apiserver.registry.attributes import Attributes, Plugin

SECONDS = 300
KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class DefaultTolerationSeconds(Plugin):
    name: ClassVar[str] = "DefaultTolerationSeconds"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for("", "pods") or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        tolerations: list[dict[str, Any]] = spec.get("tolerations") or []
        added = [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
                 for key in KEYS if not any(_covers(one, key) for one in tolerations)]
        if added:
            spec["tolerations"] = [*tolerations, *added]


def _covers(toleration: dict[str, Any], key: str) -> bool:
    return toleration.get("key", "") in ("", key) and toleration.get("effect", "") in ("", "NoExecute")

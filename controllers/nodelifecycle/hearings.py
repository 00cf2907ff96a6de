"""When each node was last heard of: its Lease was renewed, or its kubelet posted a status.

By this process's clock: what counts is when the news came, so that nodes' clocks may be wrong. A node seen for the first time was heard of
just now, whatever its Lease says: a controller manager that was away must not take its own silence for the nodes'.
"""
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from controllers.nodelifecycle.conditions import condition
from kubeapi.generated.models.core_v1 import Node
from kubeapi.world import World


@dataclass
class _Heard:
    at: float
    heartbeat: datetime | None = None
    renewed: datetime | None = None


class Hearings:
    def __init__(self, world: World) -> None:
        self._world = world
        self._heard: dict[str, _Heard] = {}

    def node_seen(self, node: Node) -> None:
        ready = condition(node, "Ready")
        heartbeat = ready.last_heartbeat_time if ready is not None else None
        known = self._heard.get(node.metadata.name)
        if known is None:
            self._heard[node.metadata.name] = _Heard(self._now() if ready is not None else self._created(node), heartbeat)
        elif heartbeat != known.heartbeat:
            known.at, known.heartbeat = self._now(), heartbeat

    def lease_renewed(self, name: str, when: datetime) -> None:
        known = self._heard.get(name)
        if known is None:
            self._heard[name] = _Heard(self._now(), renewed=when)
        elif known.renewed is None or when > known.renewed:
            known.at, known.renewed = self._now(), when

    def forget(self, name: str) -> None:
        self._heard.pop(name, None)

    def everybody_now(self) -> None:
        for known in self._heard.values():
            known.at = self._now()

    def silent_seconds(self, name: str) -> float:
        known = self._heard.get(name)
        return self._now() - known.at if known is not None else 0.0

    def _created(self, node: Node) -> float:
        """Of a node that has never said a word."""
        created = node.metadata.creation_timestamp
        return self._now() - ((self._world.now() - created).total_seconds() if created is not None else 0.0)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

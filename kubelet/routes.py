"""Routes to the other nodes' pods, from their Nodes' podCIDR and InternalIP."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from kubeapi.generated.models.core_v1 import Node
from kubeclient.informer import Informer
from kubelet.cri import CriError

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
Routes = Mapping[str, tuple[str, str]]             # node -> (its podCIDR, its address)


@runtime_checkable
class Router(Protocol):
    async def set_routes(self, nodes: Routes) -> None: ...


def routes(nodes: Iterable[Node]) -> dict[str, tuple[str, str]]:
    found = {}
    for node in nodes:
        addresses = node.status.addresses if node.status else ()
        address = next((one.address for one in addresses if one.type == "InternalIP"), "")
        if node.spec.pod_cidr and address:
            found[node.metadata.name] = (node.spec.pod_cidr, address)
    return found


class RouteKeeper:
    def __init__(self, nodes: Informer[Node], router: Router) -> None:
        self._nodes, self._router = nodes, router
        self._changed = asyncio.Event()
        self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    async def run(self) -> None:
        await self._nodes.wait_synced()
        present: Routes | None = None
        while True:
            await self._changed.wait()
            self._changed.clear()
            wanted = routes(self._nodes.list())
            if wanted == present:
                continue
            try:
                await self._router.set_routes(wanted)
                present = wanted
            except (CriError, OSError) as error:
                log.warning("routes: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                self._changed.set()

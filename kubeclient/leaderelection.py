"""Leader election by a Lease: one of several works, and another takes over when it stops renewing.

Source: client-go's leaderelection. A candidate judges a Lease by its own monotonic clock, from when it last saw it change, so
clocks need not agree. A leader that could not renew for RENEW_SECONDS stops before anybody else may begin.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kubeapi.errors import AlreadyExists, ApiStatusError, Conflict, NotFound
from kubeapi.generated.models.coordination_v1 import Lease, LeaseSpec
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client

logger = logging.getLogger(__name__)
LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS = 15, 10.0, 2.0


class LeadershipLost(Exception):
    """The Lease could not be renewed in time."""


class LeaderElector:
    def __init__(self, client: Client, name: str, identity: str, namespace: str = "kube-system", world: World = REAL_WORLD) -> None:
        self._leases = client.apart().resource(Lease, namespace)
        self._name, self._namespace, self._identity, self._world = name, namespace, identity, world
        self._seen: LeaseSpec | None = None
        self._seen_at = 0.0

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Waits for leadership, then runs *lead* as long as it is kept; gives the Lease back when cancelled.
        Raises LeadershipLost."""
        while True:
            if await self._tried():
                break
            await asyncio.sleep(RETRY_SECONDS)
        logger.info("%s leads %s", self._identity, self._name)
        try:
            async with asyncio.TaskGroup() as group:
                leading = group.create_task(_awaited(lead))
                renewing = group.create_task(self._renew())
                await asyncio.wait((leading, renewing), return_when=asyncio.FIRST_COMPLETED)
                leading.cancel()
                renewing.cancel()
        except BaseExceptionGroup as group_error:
            lost, others = group_error.split(LeadershipLost)
            if lost is None or others is not None:
                raise
            raise LeadershipLost(f"{self._identity} could not renew the Lease {self._name}") from None
        finally:
            await self._give_back()

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                async with asyncio.timeout(max(0.1, renewed + RENEW_SECONDS - loop.time())):
                    if await self._tried():
                        renewed = loop.time()
            except TimeoutError:
                pass
            if loop.time() - renewed >= RENEW_SECONDS:
                raise LeadershipLost(f"{self._identity} could not renew the Lease {self._name}")

    async def _tried(self) -> bool:
        """Takes or renews the Lease; False where another holds it, or where that could not be told."""
        try:
            return await self._take()
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            logger.warning("lease %s: %s", self._name, error)
            return False

    async def _take(self) -> bool:
        now = self._world.now()
        try:
            lease = await self._leases.get(self._name)
        except NotFound:
            spec = LeaseSpec(holder_identity=self._identity, lease_duration_seconds=LEASE_SECONDS, acquire_time=now, renew_time=now,
                             lease_transitions=0)
            try:
                await self._leases.create(Lease(metadata=ObjectMeta(name=self._name, namespace=self._namespace), spec=spec))
            except AlreadyExists:
                return False
            return True
        spec = lease.spec
        is_mine = spec.holder_identity == self._identity
        if not is_mine and not self._has_expired(spec):
            return False
        wanted = spec.evolve(holder_identity=self._identity, lease_duration_seconds=LEASE_SECONDS, renew_time=now)
        if not is_mine:
            wanted = wanted.evolve(acquire_time=now, lease_transitions=(spec.lease_transitions or 0) + 1)
        try:
            await self._leases.update(lease.evolve(spec=wanted))
        except Conflict:
            return False
        return True

    def _has_expired(self, spec: LeaseSpec) -> bool:
        now = asyncio.get_running_loop().time()
        if not spec.holder_identity:
            return True
        if spec != self._seen:
            self._seen, self._seen_at = spec, now
        return now - self._seen_at > (spec.lease_duration_seconds or LEASE_SECONDS)

    async def _give_back(self) -> None:
        """So that the next leader need not wait."""
        try:
            async with asyncio.timeout(1.0):
                lease = await self._leases.get(self._name)
                if lease.spec.holder_identity == self._identity:
                    await self._leases.update(lease.evolve(spec=lease.spec.evolve(holder_identity="", lease_duration_seconds=1)))
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            logger.warning("lease %s was not given back: %s", self._name, error)


async def _awaited(lead: Callable[[], Awaitable[None]]) -> None:
    await lead()

"""Creates and deletes a controller's pods, tells of it in Events, and keeps its expectations.

A write whose outcome is unknown (the connection broke, the store did not answer) is tried again until it is known: to go on
without it would mean to count pods by a cache that may not show it yet. A pod's name is drawn here and not by the server,
so that a second try cannot make a second pod.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from controllers.expectations import Expectations
from controllers.pods import from_template
from controllers.references import controller_of, controller_reference, key_of
from kubeapi.errors import AlreadyExists, ApiStatusError, NotFound, ServiceUnavailable, Timeout
from kubeapi.generated.models.core_v1 import Pod, PodTemplateSpec
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.events import EventRecorder

logger = logging.getLogger(__name__)
FIRST_BATCH = 1
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.1, 5.0
LONGEST_PREFIX = 58                 # of a generated name, as the API server cuts it
T = TypeVar("T")


class PodControl:
    def __init__(self, client: Client, recorder: EventRecorder, expectations: Expectations, world: World = REAL_WORLD) -> None:
        self._client, self._recorder, self._expectations, self._world = client, recorder, expectations, world

    async def create(self, owner: Any, template: PodTemplateSpec, count: int) -> None:
        """As many pods of one template."""
        await self._create_all(owner, [self._pod(owner, template)] * count)

    async def create_each(self, owner: Any, templates: Sequence[PodTemplateSpec]) -> None:
        """A pod of each template."""
        await self._create_all(owner, [self._pod(owner, template) for template in templates])

    def _pod(self, owner: Any, template: PodTemplateSpec) -> Pod:
        return from_template(template, controller_reference(owner), owner.metadata.name, owner.metadata.namespace)

    async def _create_all(self, owner: Any, pods: Sequence[Pod]) -> None:
        """In batches of 1, 2, 4 ...: what fails for one fails for all, and should not be asked for a thousand times.
        Raises the first failure; what was not tried is not expected."""
        key = key_of(owner)
        self._expectations.expect_creations(key, len(pods))
        done, batch = 0, FIRST_BATCH
        while done < len(pods):
            failures = await self._together([self._create_one(owner, pod) for pod in pods[done:done + batch]])
            done += batch
            if failures:
                for _ in pods[done:]:
                    self._expectations.creation_observed(key)
                raise failures[0]
            batch *= 2

    async def delete(self, owner: Any, pods: Sequence[Pod]) -> None:
        """All at once. Raises the first failure."""
        self._expectations.expect_deletions(key_of(owner), [pod.metadata.uid for pod in pods])
        failures = await self._together([self._delete_one(owner, pod) for pod in pods])
        if failures:
            raise failures[0]

    async def _create_one(self, owner: Any, pod: Pod) -> None:
        try:
            created = await self._create_named(owner, pod)
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            self._expectations.creation_observed(key_of(owner))
            if not namespace_is_going(error):
                self._recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {created.metadata.name}")

    async def _create_named(self, owner: Any, pod: Pod) -> Pod:
        api = self._client.resource(Pod, owner.metadata.namespace)
        while True:
            name = pod.metadata.generate_name[:LONGEST_PREFIX] + self._world.name_suffix()
            named = pod.evolve(metadata=pod.metadata.evolve(name=name))
            try:
                made = await _until_known(partial(api.create, named), partial(api.get, name))
            except AlreadyExists:
                continue                        # somebody else's, or a sibling's: of a thousand names two may well be the same
            if (controller := controller_of(made)) is not None and controller.uid == owner.metadata.uid:
                return made                     # perhaps by an earlier try

    async def _delete_one(self, owner: Any, pod: Pod) -> None:
        api = self._client.resource(Pod, pod.metadata.namespace)
        try:
            await _until_known(partial(api.delete, pod.metadata.name, uid=pod.metadata.uid))
        except NotFound:
            self._expectations.deletion_observed(key_of(owner), pod.metadata.uid)
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            self._expectations.deletion_observed(key_of(owner), pod.metadata.uid)
            self._recorder.event(owner, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        else:
            self._recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.metadata.name}")

    async def _together(self, calls: Sequence[Any]) -> list[Exception]:
        """Runs all to their end; what failed."""
        failures: list[Exception] = []

        async def one(call: Any) -> None:
            try:
                await call
            except (ApiStatusError, ConnectionError, TimeoutError) as error:
                failures.append(error)

        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(one(call))
        return failures


async def _until_known(write: Callable[[], Awaitable[T]], look: Callable[[], Awaitable[T]] | None = None) -> T:
    """Raises what the API server says of it. A refusal says nothing of an earlier try that got no answer (it may have used up
    the very quota that now refuses): `look` tells."""
    backoff, is_unknown = FIRST_BACKOFF_SECONDS, False
    while True:
        try:
            return await write()
        except (ServiceUnavailable, Timeout, ConnectionError, TimeoutError) as error:
            logger.info("the outcome of a write is not known, so it is tried again: %s", error)
            is_unknown = True
        except ApiStatusError as error:
            if not is_unknown or look is None:
                raise
            try:
                return await _until_known(look)
            except NotFound:
                raise error from None
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)


def namespace_is_going(error: Exception) -> bool:
    return isinstance(error, ApiStatusError) and any(cause.get("reason") == "NamespaceTerminating" for cause in error.causes)

"""Creates and deletes a controller's pods, tells of it in Events, and keeps its expectations."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from controllers.expectations import Expectations
from controllers.pods import from_template
from controllers.references import controller_reference, key_of
from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.generated.models.core_v1 import Pod, PodTemplateSpec
from kubeclient.client import Client
from kubeclient.events import EventRecorder

FIRST_BATCH = 1


class PodControl:
    def __init__(self, client: Client, recorder: EventRecorder, expectations: Expectations) -> None:
        self._client, self._recorder, self._expectations = client, recorder, expectations

    async def create(self, owner: Any, template: PodTemplateSpec, count: int) -> None:
        """Creates in batches of 1, 2, 4 ...: what fails for one fails for all, and should not be asked for a thousand times.
        Raises the first failure; what was not tried is not expected."""
        key = key_of(owner)
        pod = from_template(template, controller_reference(owner), owner.metadata.name, owner.metadata.namespace)
        self._expectations.expect_creations(key, count)
        left, batch = count, FIRST_BATCH
        while left:
            batch = min(batch, left)
            failures = await self._together([self._create_one(owner, pod) for _ in range(batch)])
            left -= batch
            if failures:
                for _ in range(left):
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
            created = await self._client.resource(Pod, owner.metadata.namespace).create(pod)
        except (ApiStatusError, ConnectionError, TimeoutError) as error:
            self._expectations.creation_observed(key_of(owner))
            if not _namespace_is_going(error):
                self._recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {created.metadata.name}")

    async def _delete_one(self, owner: Any, pod: Pod) -> None:
        try:
            await self._client.resource(Pod, pod.metadata.namespace).delete(pod.metadata.name, uid=pod.metadata.uid)
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


def _namespace_is_going(error: Exception) -> bool:
    return isinstance(error, ApiStatusError) and any(cause.get("reason") == "NamespaceTerminating" for cause in error.causes)

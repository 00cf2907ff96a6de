"""A Job that has finished is deleted with its pods when its ttlSecondsAfterFinished are over."""
from __future__ import annotations

from datetime import datetime

from controllers.references import key_of
from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.batch_v1 import Job
from kubeapi.meta import ObjectKey
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory


def finished_at(job: Job) -> datetime | None:
    """None while it runs."""
    return next((one.last_transition_time for one in job.status.conditions
                 if one.type in ("Complete", "Failed") and one.status == "True"), None)


def seconds_left(job: Job, now: datetime) -> float | None:
    """Until it is to go; None if it is not to, or on its way."""
    ttl, finished = job.spec.ttl_seconds_after_finished, finished_at(job)
    if ttl is None or finished is None or job.metadata.deletion_timestamp is not None:
        return None
    return finished.timestamp() + ttl - now.timestamp()


class TtlAfterFinished:
    def __init__(self, client: Client, jobs: Informer[Job], world: World) -> None:
        self._client, self._jobs, self._world = client, jobs, world

    async def reconcile(self, key: ObjectKey) -> Result:
        job = self._jobs.get(key)
        if job is None:
            return DONE
        left = seconds_left(job, self._world.now())
        if left is None or left > 0:
            return Result(requeue_after=left)
        return await self._delete(key, job)

    async def _delete(self, key: ObjectKey, job: Job) -> Result:
        """Asks first: somebody may have prolonged its life just now."""
        api = self._client.resource(Job, key.namespace)
        try:
            live = await api.get(key.name)
            left = seconds_left(live, self._world.now())
            if live.metadata.uid != job.metadata.uid or left is None or left > 0:
                return Result(requeue_after=left)
            await api.delete(key.name, uid=live.metadata.uid, resource_version=live.metadata.resource_version, propagation_policy="Foreground")
        except (NotFound, Conflict):
            return DONE                         # gone, or changed: its event brings us back
        return DONE


def ttl_after_finished_controller(client: Client, factory: InformerFactory, world: World = REAL_WORLD) -> Controller:
    jobs = factory.informer(Job)
    return Controller("ttlafterfinished", TtlAfterFinished(client, jobs, world), workers=5).watches(jobs, lambda job: [key_of(job)])

"""What the kubelet asks of the API and tells it, in one place: pods' statuses, their end, the objects they refer to, events."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from kubeapi.errors import Conflict, NotFound
from kubeapi.generated.models.core_v1 import ConfigMap, ObjectReference, Pod, Secret, Service, ServiceAccount
from kubeapi.generated.models.node_v1 import RuntimeClass
from kubeapi.meta import Object
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer
from kubelet.cri import CriError
from kubelet.environment import Configs, References
from kubelet.restarts import kind_of

Document = dict[str, Any]
FRESH_SECONDS = 60.0                   # how old a ConfigMap or Secret may be that a running pod's files are made of
M = TypeVar("M", bound=Object)


class KubeApi(Protocol):
    async def patch_status(self, pod: Pod, patch: Document) -> Pod | None:
        """The pod as it is now; None where it is gone (or another has taken its name)."""
        ...

    async def finish_deletion(self, pod: Pod) -> None: ...
    async def read_configs(self, namespace: str, wanted: References, not_before: float) -> Configs:
        """`not_before` (the loop's time): what was read earlier is too old."""
        ...

    async def create_token(self, pod: Pod, audience: str, seconds: int) -> str: ...
    async def runtime_handler(self, runtime_class: str) -> str:
        """Which runtime a RuntimeClass means. Raises CriError where there is no such class."""
        ...

    def services(self) -> Sequence[Service]: ...
    def event(self, pod: Pod, type: str, reason: str, message: str, container: str = "") -> None: ...


@dataclass(slots=True)
class _Read:
    at: float
    object: Object | None


class ClientApi:
    """Over a Client. What many pods refer to is read once for all of them."""

    def __init__(self, client: Client, recorder: EventRecorder, services: Informer[Service]) -> None:
        self._client, self._recorder, self._services = client, recorder, services
        self._read: dict[tuple[type[Object], str, str], _Read] = {}
        self._locks: dict[tuple[type[Object], str, str], asyncio.Lock] = {}

    async def patch_status(self, pod: Pod, patch: Document) -> Pod | None:
        pods = self._client.resource(Pod, pod.metadata.namespace)
        body = {"metadata": {"uid": pod.metadata.uid}, "status": patch}
        try:
            return await pods.patch(pod.metadata.name, body, type="strategic", subresource="status")
        except (NotFound, Conflict):
            return None

    async def finish_deletion(self, pod: Pod) -> None:
        pods = self._client.resource(Pod, pod.metadata.namespace)
        try:
            await pods.delete(pod.metadata.name, uid=pod.metadata.uid, grace_period_seconds=0)
        except (NotFound, Conflict):
            return

    async def read_configs(self, namespace: str, wanted: References, not_before: float) -> Configs:
        config_maps = {name: await self._get(ConfigMap, namespace, name, not_before) for name in sorted(wanted.config_maps)}
        secrets = {name: await self._get(Secret, namespace, name, not_before) for name in sorted(wanted.secrets)}
        return Configs(config_maps, secrets)

    async def _get(self, model: type[M], namespace: str, name: str, not_before: float) -> M | None:
        """Not older than `not_before`; all who came while one read was under way are answered by the next."""
        key = (model, namespace, name)
        async with self._locks.setdefault(key, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            known = self._read.get(key)
            if known is None or known.object is None or known.at < not_before:
                try:
                    known = _Read(now, await self._client.resource(model, namespace).get(name))
                except NotFound:
                    known = _Read(now, None)
                self._read[key] = known
        self._forget_old(now)
        return cast(M | None, known.object)

    def _forget_old(self, now: float) -> None:
        if len(self._read) > 1000:
            for key in [key for key, read in self._read.items() if now - read.at > FRESH_SECONDS]:
                del self._read[key]
                self._locks.pop(key, None)

    async def create_token(self, pod: Pod, audience: str, seconds: int) -> str:
        accounts = self._client.resource(ServiceAccount, pod.metadata.namespace)
        bound = {"kind": "Pod", "apiVersion": "v1", "name": pod.metadata.name, "uid": pod.metadata.uid}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": {
            "audiences": [audience] if audience else [], "expirationSeconds": seconds, "boundObjectRef": bound}}
        answer = await accounts.create_subresource(pod.spec.service_account_name or "default", "token", request)
        return str(answer["status"]["token"])

    async def runtime_handler(self, runtime_class: str) -> str:
        found = await self._get(RuntimeClass, "", runtime_class, asyncio.get_running_loop().time() - FRESH_SECONDS)
        if found is None:
            raise CriError("FailedCreatePodSandBox", f'failed to get RuntimeClass "{runtime_class}": RuntimeClass.node.k8s.io "{runtime_class}" not found')
        return found.handler

    def services(self) -> Sequence[Service]:
        return self._services.list()

    def event(self, pod: Pod, type: str, reason: str, message: str, container: str = "") -> None:
        self._recorder.event(reference_to(pod, container), type, reason, message)


def reference_to(pod: Pod, container: str = "") -> ObjectReference:
    """To the pod, or to one of its containers."""
    field = ""
    if container:
        field = f"spec.{kind_of(pod, container)}{{{container}}}"
    return ObjectReference(api_version="v1", kind="Pod", namespace=pod.metadata.namespace, name=pod.metadata.name, uid=pod.metadata.uid,
                           resource_version=pod.metadata.resource_version, field_path=field)

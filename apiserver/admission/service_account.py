"""ServiceAccount: every pod runs as one (`default` where it names none), and finds a token of it where clients look for one.

The account must be there. Upstream: plugin/pkg/admission/serviceaccount.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from apiserver.auth.podreferences import MIRROR, references
from apiserver.registry.attributes import Attributes, Objects, Plugin
from kubeapi import errors
from kubeapi.world import REAL_WORLD, World

Document = dict[str, Any]
TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX, TOKEN_SECONDS = "kube-api-access-", 3607
ROOT_CA = "kube-root-ca.crt"


class ServiceAccount(Plugin):
    name: ClassVar[str] = "ServiceAccount"

    def __init__(self, objects: Objects, *, mounts_tokens: bool = False, world: World = REAL_WORLD) -> None:
        """`mounts_tokens`: this server can issue them."""
        self._objects, self._mounts_tokens, self._world = objects, mounts_tokens, world

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for("", "pods") or attributes.obj is None:
            return
        if MIRROR in (attributes.obj["metadata"].get("annotations") or {}):
            if why := _fault_of_mirror(attributes.obj):
                raise errors.forbidden("pods", "", attributes.name, why)
            return
        spec = attributes.obj["spec"]
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = await self._account(attributes, name)
        if self._mounts_tokens and _wants_token(spec, account):
            self._mount_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]

    async def _account(self, attributes: Attributes, name: str) -> Document:
        account = await self._objects.get("", "serviceaccounts", attributes.namespace, name)
        if account is None:
            account = await self._objects.get_live("", "serviceaccounts", attributes.namespace, name)
        if account is None:
            why = f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
            raise errors.forbidden("pods", "", attributes.name, why)
        return account

    def _mount_token(self, spec: Document) -> None:
        """Containers that mount something there themselves are left alone."""
        lacking = [one for one in _containers(spec) if all(mount.get("mountPath") != TOKEN_DIRECTORY for mount in one.get("volumeMounts") or ())]
        if not lacking:
            return
        volumes = spec.setdefault("volumes", [])
        name = next((one["name"] for one in volumes if one.get("name", "").startswith(VOLUME_PREFIX)), "")
        if not name:
            name = VOLUME_PREFIX + self._world.name_suffix()
            volumes.append({"name": name, "projected": {"defaultMode": 0o644, "sources": [
                {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
                {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}})
        for container in lacking:
            container.setdefault("volumeMounts", []).append({"name": name, "readOnly": True, "mountPath": TOKEN_DIRECTORY})


def _fault_of_mirror(pod: Document) -> str:
    """A picture of a pod that the API server did not start gives nobody an account or a secret."""
    spec, plain = pod["spec"], {**pod, "metadata": {**pod["metadata"], "annotations": {}}}
    if spec.get("serviceAccountName") or spec.get("serviceAccount"):
        return "a mirror pod may not reference service accounts"
    if any(plural == "secrets" for plural, _ in references(plain)):
        return "a mirror pod may not reference secrets"
    sources = (source for volume in spec.get("volumes") or () for source in (volume.get("projected") or {}).get("sources") or ())
    if any(source.get("serviceAccountToken") is not None for source in sources):
        return "a mirror pod may not use ServiceAccountToken volume projections"
    return ""


def _wants_token(spec: Document, account: Document) -> bool:
    """The pod says so, else its account, else yes."""
    own = spec.get("automountServiceAccountToken")
    return bool(own if own is not None else account.get("automountServiceAccountToken", True) is not False)


def _containers(spec: Document) -> Iterator[Document]:
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()

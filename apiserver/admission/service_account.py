"""ServiceAccount: every pod runs as one; `default` where it names none. The account must be there."""
from __future__ import annotations

from typing import ClassVar

from apiserver.registry.attributes import Attributes, Objects, Plugin
from kubeapi import errors

MIRROR = "kubernetes.io/config.mirror"


class ServiceAccount(Plugin):
    """Tokens are not mounted yet: there is nobody to issue them."""

    name: ClassVar[str] = "ServiceAccount"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for("", "pods") or attributes.obj is None:
            return
        if MIRROR in attributes.obj["metadata"].get("annotations", {}):
            return
        spec = attributes.obj["spec"]
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = await self._objects.get("", "serviceaccounts", attributes.namespace, name)
        if account is None:
            account = await self._objects.get_live("", "serviceaccounts", attributes.namespace, name)
        if account is None:
            why = f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
            raise errors.forbidden("pods", "", attributes.name, why)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]

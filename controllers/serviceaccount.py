"""Every namespace has a ServiceAccount called `default`, made again when it is lost."""
from __future__ import annotations

import contextlib

from kubeapi.errors import AlreadyExists, Forbidden, NotFound
from kubeapi.generated.models.core_v1 import Namespace, ServiceAccount
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.meta import ObjectKey
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory

NAME = "default"


class ServiceAccountReconciler:
    """Keys are namespaces."""

    def __init__(self, client: Client, namespaces: Informer[Namespace], accounts: Informer[ServiceAccount]) -> None:
        self._client, self._namespaces, self._accounts = client, namespaces, accounts

    async def reconcile(self, key: ObjectKey) -> Result:
        namespace = self._namespaces.get(key)
        if namespace is None or namespace.metadata.deletion_timestamp is not None or namespace.status.phase == "Terminating":
            return DONE
        if self._accounts.get(ObjectKey(key.name, NAME)) is None:
            account = ServiceAccount(metadata=ObjectMeta(name=NAME, namespace=key.name))
            # There already, or the namespace is going: its next event tells.
            with contextlib.suppress(AlreadyExists, NotFound, Forbidden):
                await self._client.resource(ServiceAccount, key.name).create(account)
        return DONE


def service_account_controller(client: Client, factory: InformerFactory) -> Controller:
    namespaces, accounts = factory.informer(Namespace), factory.informer(ServiceAccount)
    controller = Controller("serviceaccount", ServiceAccountReconciler(client, namespaces, accounts), workers=2)
    controller.watches(namespaces, lambda namespace: [ObjectKey("", namespace.metadata.name)])
    controller.watches(accounts, lambda account: [ObjectKey("", account.metadata.namespace)])
    return controller

"""Every namespace has the ConfigMap kube-root-ca.crt: by it pods know the API server. It is made again when lost or changed."""
from __future__ import annotations

import contextlib
from pathlib import Path

from kubeapi.errors import AlreadyExists, Forbidden, NotFound
from kubeapi.generated.models.core_v1 import ConfigMap, Namespace
from kubeapi.generated.models.meta_v1 import ObjectMeta
from kubeapi.meta import ObjectKey
from kubeclient.client import Client
from kubeclient.controller import DONE, Controller, Result
from kubeclient.informer import Informer, InformerFactory

NAME, FILE = "kube-root-ca.crt", "ca.crt"
DESCRIPTION = "kubernetes.io/description"
TOLD = ("Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or "
        "kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.")


def read_bundle(path: str) -> str:
    """Raises OSError, or ValueError where there is no certificate in it."""
    bundle = Path(path).read_text()
    if "-----BEGIN CERTIFICATE-----" not in bundle:
        raise ValueError(f"error parsing root-ca-file at {path}: data does not contain any valid RSA or ECDSA certificates")
    return bundle


class RootCaPublisher:
    """Keys are namespaces."""

    def __init__(self, client: Client, namespaces: Informer[Namespace], config_maps: Informer[ConfigMap], bundle: str) -> None:
        self._client, self._namespaces, self._config_maps = client, namespaces, config_maps
        self._data = {FILE: bundle}

    async def reconcile(self, key: ObjectKey) -> Result:
        namespace = self._namespaces.get(key)
        if namespace is None or namespace.metadata.deletion_timestamp is not None or namespace.status.phase == "Terminating":
            return DONE
        api = self._client.resource(ConfigMap, key.name)
        there = self._config_maps.get(ObjectKey(key.name, NAME))
        if there is None:
            # There already, or the namespace is going: its next event tells.
            with contextlib.suppress(AlreadyExists, NotFound, Forbidden):
                await api.create(ConfigMap(metadata=ObjectMeta(name=NAME, namespace=key.name, annotations={DESCRIPTION: TOLD}), data=self._data))
        elif there.data != self._data or not there.metadata.annotations.get(DESCRIPTION):
            annotations = {**there.metadata.annotations, DESCRIPTION: TOLD}
            await api.update(there.evolve(data=self._data, binary_data={}, metadata=there.metadata.evolve(annotations=annotations)))
        return DONE


def root_ca_publisher(client: Client, factory: InformerFactory, bundle: str) -> Controller:
    namespaces, config_maps = factory.informer(Namespace), factory.informer(ConfigMap, field_selector=f"metadata.name={NAME}")
    controller = Controller("rootca", RootCaPublisher(client, namespaces, config_maps, bundle), workers=2)
    controller.watches(namespaces, lambda namespace: [ObjectKey("", namespace.metadata.name)])
    return controller.watches(config_maps, lambda one: [ObjectKey("", one.metadata.namespace)])

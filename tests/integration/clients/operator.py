"""An operator for the test: every ConfigMap with the label `copy` gets a twin, kept in step and gone with it."""
from __future__ import annotations

from typing import Any

import kopf
import kubernetes


@kopf.on.create("", "v1", "configmaps", labels={"copy": "yes"})
@kopf.on.update("", "v1", "configmaps", labels={"copy": "yes"})
def keep_twin(name: str, namespace: Any, body: Any, **_: Any) -> dict[str, str]:
    twin: Any = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-twin"}, "data": dict(body.get("data") or {})}
    kopf.adopt(twin)
    api = kubernetes.client.CoreV1Api()
    try:
        api.create_namespaced_config_map(namespace, twin)
    except kubernetes.client.ApiException as error:
        if error.status != 409:
            raise
        api.patch_namespaced_config_map(f"{name}-twin", namespace, {"data": twin["data"]})
    return {"twin": "kept"}


@kopf.on.delete("", "v1", "configmaps", labels={"copy": "yes"})
def say_goodbye(name: str, namespace: Any, **_: Any) -> None:
    goodbye: Any = {"metadata": {"name": f"{name}-goodbye"}}
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, goodbye)

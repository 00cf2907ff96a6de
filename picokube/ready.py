"""Waits for what makes a cluster usable by a watch, with nothing but the standard library."""
from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator, Sequence
from typing import Any

from picokube.cluster import Cluster
from picokube.errors import CannotRun


def wait_for_default_account(cluster: Cluster, timeout_seconds: float) -> None:
    """Returns when pods may be made in `default`: its ServiceAccount is there."""
    for event in _events(cluster, "/api/v1/namespaces/default/serviceaccounts", time.monotonic() + timeout_seconds):
        if event.get("object", {}).get("metadata", {}).get("name") == "default":
            return
    raise CannotRun("the namespace default got no ServiceAccount in time; see `picokube logs controllers`")


def wait_for_nodes(cluster: Cluster, names: Sequence[str], timeout_seconds: float) -> None:
    """Returns when every one of `names` is Ready. Raises CannotRun naming those that are not."""
    deadline = time.monotonic() + timeout_seconds
    waiting: dict[str, str] = dict.fromkeys(names, "it has not registered")
    for event in _events(cluster, "/api/v1/nodes", deadline):
        node = event.get("object", {})
        name = node.get("metadata", {}).get("name")
        if event.get("type") in ("ADDED", "MODIFIED") and name in waiting:
            ready: dict[str, str] = next((one for one in node.get("status", {}).get("conditions", []) if one["type"] == "Ready"), {})
            if ready.get("status") == "True":
                del waiting[name]
            else:
                waiting[name] = ready.get("message", "it has not said how it is")
        if not waiting:
            return
    told = "; ".join(f"{name}: {why}" for name, why in waiting.items())
    raise CannotRun(f"not Ready in time: {told}")


def connection(cluster: Cluster, timeout_seconds: float) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(cluster.pki / "ca.crt"))
    context.load_cert_chain(cluster.pki / "admin.crt", cluster.pki / "admin.key")
    return http.client.HTTPSConnection("127.0.0.1", cluster.settings.port, timeout=timeout_seconds, context=context)


def _events(cluster: Cluster, path: str, deadline: float) -> Iterator[dict[str, Any]]:
    """Watch events from the beginning; ends at the deadline."""
    left = max(1, int(deadline - time.monotonic()))
    api = connection(cluster, left + 5)
    try:
        api.request("GET", f"{path}?watch=true&timeoutSeconds={left}")
        answer = api.getresponse()
        if answer.status != 200:
            raise CannotRun(f"the API server answers {answer.status} to a watch of {path}: {answer.read(500).decode()}")
        while line := answer.readline():
            yield json.loads(line)
    except (OSError, http.client.HTTPException) as error:
        raise CannotRun(f"the API server at {cluster.server} stopped answering: {error}") from error
    finally:
        api.close()

"""Removes what CRI runtimes have of nodes that no kubelet runs any more; found by the label that each of our sandboxes carries."""
from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path

from kubelet.cri import CriError
from kubelet.remote.client import CriClient
from kubelet.remote.convert import NODE_LABEL
from kubelet.remotepods import endpoints

log = logging.getLogger(__name__)

SECONDS = 20.0                       # for one call: the machine is being cleaned up, and a runtime may be gone for good


def cleanup(root: Path, owner: str) -> None:
    """`owner`: CLUSTER/NODE, or CLUSTER/ for all of its nodes'. Blocks; safe to repeat."""
    for endpoint in endpoints(root):
        try:
            asyncio.run(_remove_all(endpoint, owner))
        except CriError as error:
            log.warning("%s", error.message)
            continue
        shutil.rmtree(root / "remote", ignore_errors=True)


async def _remove_all(endpoint: str, owner: str) -> None:
    client = CriClient(endpoint)
    try:
        for one in (await client.call("ListPodSandbox", seconds=SECONDS))["items"]:
            label = one["labels"].get(NODE_LABEL, "")
            if label == owner or (owner.endswith("/") and label.startswith(owner)):
                for method in ("StopPodSandbox", "RemovePodSandbox"):
                    await client.call(method, {"pod_sandbox_id": one["id"]}, seconds=SECONDS)
    finally:
        await client.close()

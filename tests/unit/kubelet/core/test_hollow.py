"""Hollow containers: which of them end by themselves, and how."""
from __future__ import annotations

import asyncio

import pytest

from kubelet.containerconfig import container_config
from kubelet.cri import ContainerState, Image, SandboxConfig
from kubelet.hollow import HollowRuntime
from tests.unit.kubelet.core.builders import UID, a_container, a_pod
from tests.virtualtime import run

IMAGE = Image("sha256:1", (), (), 1)
INIT, SIDE = a_container("init"), a_container("side", restartPolicy="Always")
POD = a_pod(init=[INIT, SIDE])


@pytest.mark.parametrize(("name", "annotations", "code"), [
    pytest.param("init", {}, 0, id="an init container is done at once"),
    pytest.param("init", {"hollow.picokube.io/init-exit-code": "3"}, 3, id="or fails"),
    pytest.param("init", {"hollow.picokube.io/exit-code": "4", "hollow.picokube.io/run-seconds": "60"}, 0, id="the main ones' end is not its"),
    pytest.param("side", {}, None, id="a sidecar goes on"),
    pytest.param("c", {}, None, id="so does a main container"),
    pytest.param("c", {"hollow.picokube.io/exit-code": "4"}, 4, id="unless asked to end"),
])
def test_how_a_container_ends(name: str, annotations: dict[str, str], code: int | None) -> None:
    async def story() -> None:
        runtime = HollowRuntime()
        await runtime.update_pod_cidr("10.0.0.0/24")
        sandbox = await runtime.run_pod_sandbox(SandboxConfig("web", "default", UID, 0, "web", "/logs", "/cgroup", annotations=annotations))
        container = next(one for one in (*POD.spec.init_containers, *POD.spec.containers) if one.name == name)
        made = await runtime.create_container(sandbox.id, container_config(POD, container, 0, IMAGE, {}, ()))
        await runtime.start_container(made)
        await asyncio.sleep(1)
        found = await runtime.container_status(made)
        assert (found.state, found.exit_code) == ((ContainerState.RUNNING, 0) if code is None else (ContainerState.EXITED, code))
    run(story())

"""What the handlers of RuntimeClasses stand for: the file that says so, and several runtimes as one."""
from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from kubelet.containerstatus import Observed, main_statuses
from kubelet.cri import ContainerConfig, CriError, SandboxConfig
from kubelet.handlers import Handler, oci_binaries, read_config
from kubelet.hollow import HollowImages, HollowRuntime
from kubelet.options import OptionError, parse
from kubelet.podruntime import read_pod_runtime
from kubelet.pulling import ImagePuller
from kubelet.runtimes import AllImages, Runtimes
from tests.unit.kubelet.core.builders import a_container, a_pod
from tests.virtualtime import run

SOCKET = "unix:///run/containerd/containerd.sock"


def written(directory: Path, handlers: Any, **changes: Any) -> Path:
    path = directory / "handlers.yaml"
    path.write_text(json.dumps({"apiVersion": "kubelet.picokube.io/v1", "kind": "RuntimeHandlers", "runtimeHandlers": handlers, **changes}))
    return path


def test_a_file_says_what_they_stand_for(tmp_path: Path) -> None:
    path = written(tmp_path, {"quick": {"type": "crun", "path": "/opt/crun"}, "kata": {"type": "cri", "endpoint": SOCKET, "handler": "kata"},
                              "pretend": {"type": "hollow"}})
    found = (Handler("quick", "crun", path="/opt/crun"), Handler("kata", "cri", endpoint="/run/containerd/containerd.sock", handler="kata"),
             Handler("pretend", "hollow"))
    assert read_config(path) == found
    assert parse(["--kubeconfig=x", f"--runtime-handlers-config={path}"]).runtime_handlers == found


@pytest.mark.parametrize(("handlers", "why"), [
    pytest.param({}, "runtimeHandlers: Required value", id="nothing"),
    pytest.param({"a b": {"type": "hollow"}}, "Invalid value: 'a b'", id="a name that no RuntimeClass can have"),
    pytest.param({"a": {"type": "gvisor"}}, "runtimeHandlers.a.type: Unsupported value: 'gvisor'", id="an unknown type"),
    pytest.param({"a": {"type": "cri"}}, "runtimeHandlers.a.endpoint: Required value", id="a CRI without a socket"),
    pytest.param({"a": {"type": "cri", "endpoint": "tcp://x:1"}}, "write unix:///path", id="a CRI that is no socket"),
    pytest.param({"a": {"type": "hollow", "path": "/bin/x"}}, "of type hollow has no such field", id="a field that means nothing"),
    pytest.param({"a": "runc"}, "a map of strings", id="no map"),
])
def test_what_is_wrong_in_the_file_is_told(tmp_path: Path, handlers: Any, why: str) -> None:
    with pytest.raises(OptionError, match="--runtime-handlers-config: .*" + why.replace("(", r"\(")):
        parse(["--kubeconfig=x", f"--runtime-handlers-config={written(tmp_path, handlers)}"])


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no RuntimeHandlers"):
        read_config(written(tmp_path, {"a": {"type": "hollow"}}, kind="KubeletConfiguration"))


def test_runc_needs_no_mention_and_can_be_another() -> None:
    assert oci_binaries([])["runc"] == ("runc", "runc")
    assert oci_binaries([Handler("runc", "runc", path="/opt/runc"), Handler("c", "crun")]) | {"crun": ("crun", "crun")} == {
        "runc": ("runc", "/opt/runc"), "c": ("crun", "crun"), "crun": ("crun", "crun")}
    assert "runc" not in oci_binaries([Handler("runc", "hollow")])


def a_sandbox(uid: str, handler: str = "") -> SandboxConfig:
    return SandboxConfig(name=uid, namespace="default", uid=uid, attempt=0, hostname=uid, log_directory="/l", cgroup_parent="/c",
                         runtime_handler=handler)


def test_each_pod_has_the_runtime_that_its_handler_names() -> None:
    async def scene() -> None:
        own, other = HollowRuntime(), HollowRuntime(handlers=("pretend",), name="other")
        runtime = Runtimes(own, {"pretend": other})
        ids = {}
        for uid, handler in (("a", ""), ("b", "pretend")):
            sandbox = await runtime.run_pod_sandbox(a_sandbox(uid, handler))
            ids[uid] = await runtime.create_container(sandbox.id, ContainerConfig("main", 0, "i", labels={"io.kubernetes.pod.uid": uid}))
            await runtime.start_container(ids[uid])
        assert [one.id for one in await own.list_containers()] == [ids["a"]]
        assert [one.id for one in await other.list_containers()] == [ids["b"]]
        assert len(await runtime.list_pod_sandboxes()) == 2
        with pytest.raises(CriError, match='no runtime for "kata" is configured'):
            await runtime.run_pod_sandbox(a_sandbox("c", "kata"))
        # A successor knows nothing until it has looked.
        again = Runtimes(own, {"pretend": other})
        [status] = main_statuses(a_pod([a_container("main")]), Observed(await read_pod_runtime(again, "b"), runtime_name="runc"))
        assert status.container_id == f"other://{ids['b']}"
        for one in await again.list_pod_sandboxes("b"):
            await again.remove_pod_sandbox(one.id)
        assert not await other.list_containers() and await own.list_containers()
    run(scene())


def test_what_happens_in_any_of_them_is_told() -> None:
    async def scene() -> None:
        other = HollowRuntime()
        runtime = Runtimes(HollowRuntime(), {"pretend": other})
        events = runtime.events()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(runtime.run())
            sandbox = await other.run_pod_sandbox(a_sandbox("b"))
            await asyncio.sleep(0)
            await other.stop_pod_sandbox(sandbox.id)
            assert (await anext(events)).pod_uid == "b"
            task.cancel()
    run(scene())


def test_images_are_pulled_where_the_pod_runs_and_told_of_all() -> None:
    async def scene() -> None:
        async def nobody() -> list[Any]:
            return []
        own, other = HollowImages(), HollowImages()
        every = AllImages(own, [other])
        puller = ImagePuller(every, of_handlers={"": own, "pretend": other})
        await puller.ensure("u1", a_container(image="web:1"), nobody, lambda *told: None, "pretend")
        assert not await own.list() and [one.repo_tags for one in await other.list()] == [("web:1",)]
        await puller.ensure("u2", a_container(image="web:1"), nobody, lambda *told: None)
        [image] = await every.list()
        await every.remove(image.repo_tags[0])
        assert not await every.list() and not await other.list()
    run(scene())

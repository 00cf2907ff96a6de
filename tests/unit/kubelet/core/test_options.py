"""The kubelet's flags, and the configuration file whose fields they are."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubeapi.quantity import Quantity
from kubelet.nodeinfo import allocatable
from kubelet.options import OptionError, Options, parse
from kubelet.pulling import SERIALIZED

MI = 1 << 20


def options(*flags: str) -> Options:
    return parse(["--kubeconfig=k", "--node-name=n", "--node-ip=192.0.2.1", *flags])


def config_file(directory: Path, **fields: Any) -> str:
    path = directory / "config.yaml"
    path.write_text(json.dumps({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **fields}))
    return f"--config={path}"


def test_defaults_are_upstream_s() -> None:
    found = options()
    assert {one.signal: (str(one.amount.quantity) if one.amount.quantity else f"{one.amount.percent:g}%") for one in found.eviction.thresholds} == {
        "memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%", "imagefs.available": "15%", "imagefs.inodesFree": "5%"}
    assert (found.pod_pids_limit, found.max_pods, found.eviction.transition_seconds, found.eviction.monitoring_seconds) == (0, 110, 300, 10)


@pytest.mark.parametrize(("flags", "at_once"), [
    pytest.param((), SERIALIZED, id="one after another"),
    pytest.param(("--serialize-image-pulls=false",), 0, id="any number"),
    pytest.param(("--serialize-image-pulls=false", "--max-parallel-image-pulls=3"), 3, id="three at a time"),
    pytest.param(("--max-parallel-image-pulls=3",), 3, id="three at a time, by that alone"),
    pytest.param(("--serialize-image-pulls=false", "--max-parallel-image-pulls=1"), 1, id="one at a time"),
])
def test_images_pulled_at_once(flags: tuple[str, ...], at_once: int) -> None:
    assert options(*flags).pulls_at_once == at_once


def test_a_configuration_file_is_read_and_flags_win(tmp_path: Path) -> None:
    file = config_file(tmp_path, podPidsLimit=77, maxPods=5, evictionHard={"memory.available": "1Gi"}, evictionSoft={"nodefs.available": "20%"},
                       evictionSoftGracePeriod={"nodefs.available": "1m30s"}, evictionPressureTransitionPeriod="30s",
                       systemReserved={"cpu": "500m", "memory": "1Gi"}, kubeReserved={"memory": "1Gi"}, clusterDNS=["10.0.0.10"])
    found = options(file, "--max-pods=6")
    assert (found.pod_pids_limit, found.max_pods, found.cluster_dns, found.eviction.transition_seconds) == (77, 6, ("10.0.0.10",), 30)
    assert [(one.signal, one.grace_seconds) for one in found.eviction.thresholds] == [("memory.available", 0), ("nodefs.available", 90)]
    assert found.reserved == {"cpu": Quantity.parse("500m"), "memory": Quantity.parse("2Gi")}


@pytest.mark.parametrize(("fields", "fault"), [
    pytest.param({"podPidLimit": 1}, "does not know the field podPidLimit", id="unknown field"),
    pytest.param({"kind": "Pod"}, "no KubeletConfiguration", id="another kind"),
    pytest.param({"evictionHard": ["memory.available"]}, "wrong kind", id="a list where there should be a map"),
])
def test_configuration_files_that_are_refused(tmp_path: Path, fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(OptionError, match=fault):
        options(config_file(tmp_path, **fields))


@pytest.mark.parametrize("flag", ["--eviction-hard=memory<1Gi", "--eviction-soft=memory.available<1Gi", "--kube-reserved=pods=3",
                                  "--system-reserved=cpu=much", "--config=/nonexistent"])
def test_flags_that_are_refused(flag: str) -> None:
    with pytest.raises(OptionError):
        options(flag)


def test_pods_may_have_what_is_neither_reserved_nor_kept_free_nor_huge_pages() -> None:
    found = options("--eviction-hard=memory.available<100Mi,nodefs.available<10%", "--kube-reserved=cpu=250m,memory=100Mi",
                    "--system-reserved=ephemeral-storage=1Mi")
    capacity = {"cpu": 4, "memory": 1000 * MI, "ephemeral-storage": 100 * MI, "hugepages-2Mi": 8 * MI, "pods": 110}
    assert allocatable(capacity, found.eviction, found.reserved) == {
        "cpu": "3750m", "memory": f"{792 * 1024}Ki", "ephemeral-storage": f"{89 * 1024}Ki", "hugepages-2Mi": "8Mi", "pods": "110"}

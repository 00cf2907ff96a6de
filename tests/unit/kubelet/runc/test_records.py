"""Records on disk outlive the version that wrote them: pods go on running while the kubelet is replaced."""
from __future__ import annotations

import json
from typing import Any

import pytest

from kubelet.cri import ContainerConfig, LinuxResources, Mount, PortMapping, SandboxConfig, SecurityContext
from kubelet.runc.records import ContainerRecord, SandboxRecord

SANDBOX = SandboxRecord("s", SandboxConfig(name="p", namespace="ns", uid="u", attempt=0, hostname="h", log_directory="/l", cgroup_parent="g",
                                           port_mappings=(PortMapping("TCP", 80, 8080),), resources=LinuxResources(memory_limit_bytes=1)), 5, "10.0.0.1")
CONTAINER = ContainerRecord("c", "s", "u", ContainerConfig(
    name="c", attempt=1, image_ref="i", command=("a",), args=("b",), env=(("A", "1"),), mounts=(Mount("/c", "/h"),),
    security=SecurityContext(supplemental_groups=(1, 2)), resources=LinuxResources(cpu_shares=2)), 6, "i", "ref", "/log", "SIGTERM", "cg")


def later(value: Any) -> Any:
    """As a version would write it that has one more field everywhere."""
    if isinstance(value, dict):
        kept = {name: one if name in ("labels", "annotations", "sysctls", "hugepage_limits") else later(one) for name, one in value.items()}
        return {**kept, "of_another_version": True}
    return [later(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("record", [SANDBOX, CONTAINER], ids=["sandbox", "container"])
def test_what_was_written_is_read_back(record: SandboxRecord | ContainerRecord) -> None:
    assert type(record).from_document(json.loads(json.dumps(record.to_document()))) == record


@pytest.mark.parametrize("record", [SANDBOX, CONTAINER], ids=["sandbox", "container"])
def test_what_another_version_knew_besides_is_left_aside(record: SandboxRecord | ContainerRecord) -> None:
    assert type(record).from_document(later(json.loads(json.dumps(record.to_document())))) == record

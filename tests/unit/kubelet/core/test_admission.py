from __future__ import annotations

import pytest

from kubeapi.generated.models.core_v1 import Pod, PodSecurityContext, PodSpec, Sysctl
from kubelet.admission import dotted, refusal


def with_sysctl(name: str, *, host_network: bool = False) -> Pod:
    security = PodSecurityContext(sysctls=(Sysctl(name=name, value="1"),))
    return Pod(spec=PodSpec(security_context=security, host_network=host_network))


@pytest.mark.parametrize(("name", "allowed", "message"), [
    pytest.param("net.ipv4.tcp_syncookies", (), "", id="safe"),
    pytest.param("net/ipv4/tcp_syncookies", (), "", id="safe-with-slashes"),
    pytest.param("kernel.msgmax", (), 'forbidden sysctl: "kernel.msgmax" not allowlisted', id="unsafe"),
    pytest.param("kernel.msgmax", ("kernel.msg*",), "", id="allowed-by-pattern"),
    pytest.param("kernel.msgmax", ("kernel.msgmax",), "", id="allowed-by-name"),
    pytest.param("kernel.msgmax", ("kernel.msgma",), 'forbidden sysctl: "kernel.msgmax" not allowlisted', id="another-name"),
])
def test_sysctls(name: str, allowed: tuple[str, ...], message: str) -> None:
    found = refusal(with_sysctl(name), allowed)
    assert (found.message if found else "") == message
    assert found is None or found.reason == "SysctlForbidden"


def test_the_node_s_network_is_nobody_s_to_set() -> None:
    found = refusal(with_sysctl("net.ipv4.tcp_syncookies", host_network=True))
    assert found and found.message == 'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled'


@pytest.mark.parametrize(("name", "expected"), [
    ("net.ipv4.x", "net.ipv4.x"), ("net/ipv4/x", "net.ipv4.x"), ("net/ipv4/conf/eth0.1/x", "net.ipv4.conf.eth0/1.x"), ("a", "a"),
    ("net.ipv4.conf.eth0/1.x", "net.ipv4.conf.eth0/1.x"),
])
def test_names_are_written_with_dots(name: str, expected: str) -> None:
    assert dotted(name) == expected

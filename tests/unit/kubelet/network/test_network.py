from __future__ import annotations

from pathlib import Path

import pytest

from kubelet.cri import CriError
from kubelet.network import firewall, hostports, naming
from kubelet.network.hostports import HostPort
from kubelet.network.ipam import AddressPool
from kubelet.network.netlink import UNREACHABLE, Route, attribute, attributes, text_attribute

CIDR = "10.9.0.0/29"        # .0 network, .1 the node's, .2-.6 pods', .7 broadcast


def test_addresses_go_round(tmp_path: Path) -> None:
    pool = AddressPool(tmp_path, CIDR)
    first, second = pool.take("a"), pool.take("b")
    assert (first, second) == ("10.9.0.2", "10.9.0.3")
    pool.give_back(first, "a")
    assert [pool.take("c") for _ in range(4)] == ["10.9.0.4", "10.9.0.5", "10.9.0.6", "10.9.0.2"]
    with pytest.raises(CriError, match="no address is free"):
        pool.take("d")


def test_addresses_survive_the_kubelet(tmp_path: Path) -> None:
    AddressPool(tmp_path, CIDR).take("a")
    AddressPool(tmp_path, CIDR).give_back("10.9.0.2", "a")
    assert AddressPool(tmp_path, CIDR).take("b") == "10.9.0.3"
    pool = AddressPool(tmp_path, CIDR)
    pool.keep_only([])
    assert [pool.take("c") for _ in range(5)] == ["10.9.0.4", "10.9.0.5", "10.9.0.6", "10.9.0.2", "10.9.0.3"]


def test_an_address_that_is_somebody_elses_is_not_given_back(tmp_path: Path) -> None:
    pool = AddressPool(tmp_path, "10.9.0.0/30")           # one pod's address
    address = pool.take("a")
    pool.give_back(address, "a")
    pool.give_back(pool.take("b"), "a")
    with pytest.raises(CriError, match="no address is free"):
        pool.take("c")


def test_another_range_starts_anew(tmp_path: Path) -> None:
    AddressPool(tmp_path, CIDR).take("a")
    assert AddressPool(tmp_path, "10.8.0.0/24").take("b") == "10.8.0.2"


@pytest.mark.parametrize("route", [
    Route("0.0.0.0/0", gateway="169.254.1.1", device=3),
    Route("10.1.2.3/32", device=7, source="192.0.2.1", metric=99),
    Route("10.1.0.0/16", kind=UNREACHABLE, metric=5),
    Route("10.2.0.0/24", gateway="192.0.2.7", device=2, is_onlink=True),
])
def test_routes_are_read_as_they_are_written(route: Route) -> None:
    assert Route.decode(route.encode()) == (254, route)


def test_attributes_are_padded() -> None:
    assert attributes(text_attribute(3, "eth0") + attribute(4, b"\1\0\0\0")) == {3: b"eth0\0", 4: b"\1\0\0\0"}


@pytest.mark.parametrize("cluster", ["picokube", "a", "a-name-of-20-letters"])
def test_names_fit_the_kernel(cluster: str) -> None:
    for name in (naming.link_name(cluster, "f" * 64), naming.bridge_name(cluster), naming.address_label(cluster)):
        assert len(name) <= 15
    assert naming.link_name(cluster, "f" * 64).startswith(naming.link_prefix(cluster))
    assert 0 < naming.metric(cluster) < 1 << 31


def test_clusters_do_not_share_names() -> None:
    assert naming.link_prefix("a") != naming.link_prefix("b") and naming.metric("a") != naming.metric("b")
    assert not naming.alias("ab", "n", "x").startswith(naming.alias_prefix("a"))


def test_the_guard_is_there_only_with_a_service_range() -> None:
    assert "reject with tcp reset" in firewall.ruleset("c", "10.1.0.0/16", "10.2.0.0/16", "10.1.0.1")
    assert "reject" not in firewall.ruleset("c", "10.1.0.0/16", "", "10.1.0.1")


@pytest.mark.parametrize(("ports", "everywhere", "somewhere"), [
    pytest.param([], "", "", id="none"),
    pytest.param([HostPort("TCP", "", 80, "10.1.0.2", 8080, "v")], "tcp . 80 : 10.1.0.2 . 8080", "", id="any-address"),
    pytest.param([HostPort("UDP", "0.0.0.0", 53, "10.1.0.2", 53, "v"), HostPort("SCTP", "::", 9, "10.1.0.2", 9, "v")],
                 "sctp . 9 : 10.1.0.2 . 9, udp . 53 : 10.1.0.2 . 53", "", id="any-address-in-full"),
    pytest.param([HostPort("TCP", "127.0.0.1", 80, "10.1.0.2", 1, "v")], "", "127.0.0.1 . tcp . 80 : 10.1.0.2 . 1", id="one-address"),
    pytest.param([HostPort("TCP", "fe80::1", 80, "10.1.0.2", 1, "v")], "", "", id="no-ipv6"),
    pytest.param([HostPort("TCP", "", 80, "10.1.0.2", 1, "v"), HostPort("TCP", "", 80, "10.1.0.3", 1, "w")], "tcp . 80 : 10.1.0.2 . 1", "",
                 id="the-first-has-it"),
])
def test_host_ports(ports: list[HostPort], everywhere: str, somewhere: str) -> None:
    lines = hostports.contents("c", ports).splitlines()
    assert [line for line in lines if " host_ports {" in line] == (
        [f"add element ip picokube-c host_ports {{ {everywhere} }}"] if everywhere else [])
    assert [line for line in lines if " host_ports_of_address {" in line] == (
        [f"add element ip picokube-c host_ports_of_address {{ {somewhere} }}"] if somewhere else [])

"""A kubelet that is told no addresses finds its own."""
from __future__ import annotations

import ipaddress

from kubelet.options import parse


def test_addresses_need_not_be_told() -> None:
    options = parse(["--kubeconfig=x"])
    assert ipaddress.ip_address(options.node_ip)
    assert (options.cluster_cidr, options.service_cidr) == ("", "")

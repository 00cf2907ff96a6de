"""How what the network is made of carries its cluster's name, so that a clean-up finds every bit of it.

Link names are too short for a cluster's name: they begin with a hash of it and the link's alias says the rest in full.
"""
from __future__ import annotations

import zlib


def _hash(cluster: str) -> int:
    return zlib.crc32(cluster.encode())


def link_prefix(cluster: str) -> str:
    return f"pk{_hash(cluster) & 0xFFFFF:05x}"


def link_name(cluster: str, sandbox_id: str) -> str:
    return f"{link_prefix(cluster)}{sandbox_id[:8]}"


def bridge_name(cluster: str) -> str:
    return f"{link_prefix(cluster)}br"


def alias_prefix(cluster: str) -> str:
    return f"picokube/{cluster}/"


def alias(cluster: str, node: str, what: str) -> str:
    return f"{alias_prefix(cluster)}{node}/{what}"


def metric(cluster: str) -> int:
    """The metric of every route of a cluster (with netlink.PROTOCOL it marks them)."""
    return (_hash(cluster) & 0x3FFFFFFF) + 1024


def table(cluster: str) -> str:
    return f"picokube-{cluster}"


def address_label(cluster: str) -> str:
    """Of an address put on `lo`; at most 15 bytes, beginning with the link's name."""
    return f"lo:{link_prefix(cluster)}"


def namespace_prefix(cluster: str) -> str:
    return f"picokube-{cluster}-"

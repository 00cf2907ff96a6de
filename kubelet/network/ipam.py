"""Hands out a node's pod addresses: one file per address in use, so that a killed kubelet forgets none.

Addresses go round in a circle: one that was given back is used again only after all others. Network, gateway and
broadcast addresses are never given out.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from kubelet.cri import CriError


class AddressPool:
    def __init__(self, directory: Path, cidr: str) -> None:
        self._directory = directory
        self._network = ipaddress.IPv4Network(cidr)
        self._lock = Lock()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._used = {path.name for path in directory.iterdir() if path.name[0].isdigit()}
        self._last = self._read_last()

    @property
    def node_address(self) -> str:
        """The first address is the node's own."""
        return str(self._network[1])

    def take(self, owner: str) -> str:
        with self._lock:
            size = self._network.num_addresses
            for step in range(1, size + 1):
                offset = (self._last + step) % size
                address = str(self._network[offset])
                if 2 <= offset < size - 1 and address not in self._used:
                    break
            else:
                raise CriError("FailedCreatePodSandBox", f"no address is free in {self._network}")
            (self._directory / address).write_text(owner)
            (self._directory / "last").write_text(address)
            self._used.add(address)
            self._last = offset
            return address

    def give_back(self, address: str, owner: str) -> None:
        """Does nothing where it is not, or no longer, the owner's: it may be given back more than once."""
        with self._lock:
            if address in self._used and self._owner(address) == owner:
                (self._directory / address).unlink(missing_ok=True)
                self._used.discard(address)

    def keep_only(self, owners: Iterable[str]) -> None:
        """Frees what belongs to none of them: left by sandboxes that were never finished."""
        known = set(owners)
        for address in list(self._used):
            if (owner := self._owner(address)) not in known:
                self.give_back(address, owner)

    def _owner(self, address: str) -> str:
        try:
            return (self._directory / address).read_text()
        except FileNotFoundError:
            return ""                             # given back just now

    def _read_last(self) -> int:
        try:
            last = ipaddress.IPv4Address((self._directory / "last").read_text())
        except (OSError, ValueError):
            return 1
        return int(last) - int(self._network[0]) if last in self._network else 1

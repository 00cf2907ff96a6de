"""Removes every trace of a cluster's pods from this machine, whether or not a kubelet still knows of them.

Everything is found by the cluster's name: cgroups by their path, links by their alias, routes by their metric, nftables
by the table's name, namespaces by their pins, mounts by the nodes' directories. What is data (logs, images) stays.
"""
from __future__ import annotations

import os
import select
import shutil
from collections.abc import Iterable
from pathlib import Path

from kubelet import linux
from kubelet.loglinks import VAR_LOG, remove_links
from kubelet.network import nodes, pods
from kubelet.runc import containers
from kubelet.runc.cgroups import Cgroups, cluster_path, node_path
from kubelet.runc.usernamespace import remove_outside, remove_place
from kubelet.shim import poll

SHIM_MILLISECONDS = 5000


def cleanup(cluster: str, node_directories: Iterable[Path] = ()) -> None:
    """Only when no kubelet of the cluster runs any more. Blocks; safe to repeat."""
    directories = [Path(one).resolve() / "runtime" for one in node_directories]
    cgroups = Cgroups.detect()
    _empty_remote_runtimes(directories, f"{cluster}/")
    cgroups.kill(cluster_path(cluster))
    _wait_for_shims(directories)
    nodes.delete_all(cluster)
    pods.tear_down(cluster)
    _unmount(directories)
    for one in directories:
        remove_links(VAR_LOG, one.parent)
    cgroups.remove(cluster_path(cluster))
    cgroups.remove_root()
    remove_place()


def cleanup_node(cluster: str, node: str, number: int, directory: Path) -> None:
    """The same for one node that has a network namespace of its own, when its kubelet does not run any more."""
    directories = [directory.resolve() / "runtime"]
    cgroups = Cgroups.detect()
    _empty_remote_runtimes(directories, f"{cluster}/{node}")
    cgroups.kill(node_path(cluster, node))
    _wait_for_shims(directories)
    nodes.delete_node_namespace(cluster, number)
    _unmount(directories)
    remove_links(VAR_LOG, directories[0].parent)
    cgroups.remove(node_path(cluster, node))


def _empty_remote_runtimes(directories: list[Path], owner: str) -> None:
    """Those of RuntimeClasses; they give addresses back, and remember nothing, when they are told."""
    for directory in directories:
        if (directory.parent / "remote").exists():
            from kubelet.remote.cleanup import cleanup
            cleanup(directory.parent, owner)


def _unmount(directories: list[Path]) -> None:
    """Everything on a node: beside what the runtime has mounted, the pods' volumes."""
    for directory in directories:
        for container in (directory / "containers").glob("*"):
            remove_outside(container)
        for point in reversed(linux.mount_points(directory.parent)):
            linux.unmount(point)
        shutil.rmtree(directory / "runc", ignore_errors=True)
        shutil.rmtree(directory / "network", ignore_errors=True)


def _wait_for_shims(directories: list[Path]) -> None:
    """They have seen their containers die and are about to write how."""
    for directory in directories:
        for container in (directory / "containers").glob("*"):
            shim = containers.open_shim(container)
            if shim is not None:
                poll({shim: select.POLLIN}, SHIM_MILLISECONDS)
                os.close(shim)

"""Where people and log collectors look for logs, below /var/log:

    pods/NAMESPACE_NAME_UID                    -> the pod's logs, wherever its node keeps them
    containers/NAME_NAMESPACE_CONTAINER-ID.log -> pods/NAMESPACE_NAME_UID/CONTAINER/ATTEMPT.log

Links alone, and their names have uids: the nodes and clusters of one machine do not meet there.
"""
from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from kubeapi.generated.models.core_v1 import Pod
from kubelet.podfiles import log_directory

log = logging.getLogger(__name__)

LONGEST_NAME = 255
VAR_LOG = Path("/var/log")


class LogLinks:
    """Of one node. `root`: the node's own directory; no `directory`: no links."""

    def __init__(self, directory: Path | None, root: Path) -> None:
        self._root = root
        self._pods = directory / "pods" if directory else None
        self._containers = directory / "containers" if directory else None

    def add(self, pod: Pod, container: str, container_id: str, attempt: int) -> None:
        """A machine where this cannot be written runs its pods all the same."""
        if self._pods is None or self._containers is None:
            return
        where = log_directory(self._root, pod)
        try:
            for directory in (self._pods, self._containers):
                directory.mkdir(parents=True, exist_ok=True)
            _link(self._pods / where.name, where)
            _link(self._containers / _name(pod, container, container_id), self._pods / where.name / container / f"{attempt}.log")
        except OSError as error:
            log.warning("no link to the log of %s: %s", container, error)

    def remove(self, pod: Pod, container: str = "", container_id: str = "") -> None:
        """Of one container, or of all and the pod."""
        if self._pods is None or self._containers is None:
            return
        if container_id:
            (self._containers / _name(pod, container, container_id)).unlink(missing_ok=True)
            return
        name = log_directory(self._root, pod).name
        for link in self._containers.glob(f"{pod.metadata.name}_{pod.metadata.namespace}_*.log"):
            if _target(link).startswith(f"{self._pods / name}/"):
                link.unlink(missing_ok=True)
        (self._pods / name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Removes what leads nowhere any more: a kubelet that was killed could not."""
        if self._pods is not None and self._containers is not None:
            remove_links(self._pods.parent, self._root, even_alive=False)


def remove_links(directory: Path, root: Path, *, even_alive: bool = True) -> None:
    """All links to logs of a node; where `even_alive` is false, those that lead nowhere."""
    pods = directory / "pods"
    own = {link.name for link in _links(pods) if _target(link).startswith(f"{root}/")}
    gone = own if even_alive else {name for name in own if not (pods / name).exists()}
    for link in _links(directory / "containers"):
        pod = Path(_target(link)).parent.parent
        if pod.parent == pods and (pod.name in gone or (pod.name in own and not link.exists())):
            link.unlink(missing_ok=True)
    for name in gone:
        (pods / name).unlink(missing_ok=True)


def _links(directory: Path) -> list[Path]:
    try:
        return [one for one in directory.iterdir() if one.is_symlink()]
    except OSError:
        return []


def _link(link: Path, target: Path) -> None:
    if _target(link) != str(target):
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _target(link: Path) -> str:
    with suppress(OSError):
        return os.readlink(link)
    return ""


def _name(pod: Pod, container: str, container_id: str) -> str:
    suffix = f"-{container_id}.log"
    return f"{pod.metadata.name}_{pod.metadata.namespace}_{container}"[:LONGEST_NAME - len(suffix)] + suffix

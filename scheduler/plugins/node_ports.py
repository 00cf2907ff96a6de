"""NodePorts: the host ports that the pod asks for must be free on the node."""
from __future__ import annotations

from typing import ClassVar

from scheduler.events import Event, Happening
from scheduler.framework import SUCCESS, Code, NodeFilter, Status
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo


class NodePorts(NodeFilter):
    name: ClassVar[str] = "NodePorts"
    helped_by: ClassVar[Happening] = Happening.NODE_ADDED | Happening.ASSIGNED_POD_DELETED
    _refusal = Status(Code.UNSCHEDULABLE, ("node(s) didn't have free ports for the requested pod ports",), name)

    def matters_to(self, pod: PodInfo) -> bool:
        return bool(pod.host_ports)

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status:
        taken = node.ports
        return self._refusal if any(port.collides_with(held) for port in pod.host_ports for held in taken) else SUCCESS

    def helps(self, pod: PodInfo, event: Event) -> bool:
        return event.pod is None or any(port.collides_with(held) for port in pod.host_ports for held in event.pod.host_ports)

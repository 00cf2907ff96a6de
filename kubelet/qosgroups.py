"""The control groups above those of pods, one for each of the lower QoS classes: what best-effort pods use of the CPU is the others'
as soon as these want it, and all burstable pods together have as much weight as they asked for together."""
from __future__ import annotations

import logging

from kubeapi.generated.models.core_v1 import Pod
from kubelet.cri import LinuxResources
from kubelet.resources import BEST_EFFORT, BURSTABLE, LEAST_SHARES, pod_cgroup, qos_cgroup, shares
from kubelet.runc.cgroups import Cgroups

log = logging.getLogger(__name__)


class QosGroups:
    def __init__(self, node: str) -> None:
        """`node`: the cgroup that everything on this node lies below."""
        self._node, self._cgroups = node, Cgroups.detect()
        self._burstable = -1

    def processes(self, pod: Pod) -> int:
        return self._cgroups.processes(pod_cgroup(self._node, pod))

    def update(self, burstable_milli_cpu: int) -> None:
        """Made when first needed."""
        if burstable_milli_cpu == self._burstable:
            return
        try:
            self._cgroups.create(qos_cgroup(self._node, BEST_EFFORT), LinuxResources(cpu_shares=LEAST_SHARES))
            self._cgroups.create(qos_cgroup(self._node, BURSTABLE), LinuxResources(cpu_shares=shares(burstable_milli_cpu)))
        except OSError as error:
            log.warning("control groups of the QoS classes: %s", error)
            return
        self._burstable = burstable_milli_cpu

"""What the probes of one pod's containers say at a moment, by container id."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubeapi.generated.models.core_v1 import Container


@dataclass(frozen=True, slots=True)
class ProbeResults:
    ready: frozenset[str] = frozenset()
    started: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)     # id -> liveness or startup: it must be restarted

    def is_started(self, container: Container, id: str) -> bool:
        return container.startup_probe is None or id in self.started

    def is_ready(self, container: Container, id: str) -> bool:
        return self.is_started(container, id) and (container.readiness_probe is None or id in self.ready)

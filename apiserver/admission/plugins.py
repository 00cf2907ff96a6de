"""Which admission plugins there are, in upstream's order, and the chain of those that are enabled."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from apiserver.admission.cluster_ips import ClusterIPs
from apiserver.admission.default_tolerations import DefaultTolerationSeconds
from apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from apiserver.admission.priority import Priority
from apiserver.admission.service_account import ServiceAccount
from apiserver.registry.attributes import Chain, Objects, Plugin

PLUGINS: dict[str, Callable[[Objects], Plugin]] = {
    "NamespaceLifecycle": NamespaceLifecycle,
    "ServiceAccount": ServiceAccount,
    "Priority": Priority,
    "DefaultTolerationSeconds": lambda objects: DefaultTolerationSeconds(),
}


class UnknownPlugin(ValueError):
    """--enable-admission-plugins names one that does not exist."""


def chain(objects: Objects, service_cidr: str, enabled: Sequence[str] = (), disabled: Sequence[str] = ()) -> Chain:
    """All plugins are on unless disabled; address allocation is no plugin and always on. Raises UnknownPlugin."""
    for name in (*enabled, *disabled):
        if name not in PLUGINS:
            raise UnknownPlugin(f'admission plugin "{name}" does not exist; there are {", ".join(PLUGINS)}')
    found = [make(objects) for name, make in PLUGINS.items() if name not in disabled or name in enabled]
    return Chain([*found, ClusterIPs(objects, service_cidr)])

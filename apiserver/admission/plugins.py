"""Which admission plugins there are, in upstream's order, and the chain of those that are enabled."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from apiserver.admission.always_pull_images import AlwaysPullImages
from apiserver.admission.certificate_requests import CertificateRequests
from apiserver.admission.certificates import CertificateApproval, CertificateSigning, CertificateSubjectRestriction
from apiserver.admission.cluster_ips import ClusterIPs
from apiserver.admission.default_tolerations import DefaultTolerationSeconds
from apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from apiserver.admission.node_restriction import NodeRestriction
from apiserver.admission.priority import Priority
from apiserver.admission.runtime_class import RuntimeClass
from apiserver.admission.service_account import ServiceAccount
from apiserver.auth.authorization import Authorization
from apiserver.registry.attributes import Chain, Objects, Plugin

PLUGINS: dict[str, Callable[[Objects], Plugin]] = {
    "NamespaceLifecycle": NamespaceLifecycle,
    "ServiceAccount": ServiceAccount,
    "NodeRestriction": NodeRestriction,
    "AlwaysPullImages": lambda _: AlwaysPullImages(),
    "Priority": Priority,
    "DefaultTolerationSeconds": lambda _: DefaultTolerationSeconds(),
    "RuntimeClass": RuntimeClass,
    "CertificateSubjectRestriction": lambda _: CertificateSubjectRestriction(),
}
ASKING: dict[str, Callable[[Authorization], Plugin]] = {        # who may do this?
    "CertificateApproval": CertificateApproval,
    "CertificateSigning": CertificateSigning,
}
OFF = ("AlwaysPullImages",)            # unless enabled


class UnknownPlugin(ValueError):
    """--enable-admission-plugins names one that does not exist."""


def chain(objects: Objects, service_cidr: str, enabled: Sequence[str] = (), disabled: Sequence[str] = (),
          toleration_seconds: tuple[int, int] = (300, 300), *, mounts_tokens: bool = False, authorization: Authorization | None = None,
          more: Sequence[Plugin] = ()) -> Chain:
    """All plugins but OFF are on unless disabled; the allocation of addresses and the author of a certificate's request are no plugins and
    always on. `toleration_seconds`: of nodes not ready, and unreachable. `mounts_tokens`: into pods. Without `authorization` none of
    ASKING is there. `more` come last. Raises UnknownPlugin."""
    for name in (*enabled, *disabled):
        if name not in (known := [*PLUGINS, *ASKING]):
            raise UnknownPlugin(f'admission plugin "{name}" does not exist; there are {", ".join(known)}')
    plugins = PLUGINS | {"DefaultTolerationSeconds": lambda _: DefaultTolerationSeconds(*toleration_seconds),
                         "ServiceAccount": lambda objects: ServiceAccount(objects, mounts_tokens=mounts_tokens)}
    found = [make(objects) for name, make in plugins.items() if name in enabled or name not in (*disabled, *OFF)]
    if authorization is not None:
        found += [make(authorization) for name, make in ASKING.items() if name not in disabled]
    return Chain([*found, ClusterIPs(objects, service_cidr), CertificateRequests(), *more])

"""A CertificateSigningRequest says who asks: the request's author, whatever its author writes there."""
from __future__ import annotations

from apiserver.registry.attributes import Attributes, Plugin


class CertificateRequests(Plugin):
    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or not attributes.is_for("certificates.k8s.io", "certificatesigningrequests") or attributes.obj is None:
            return
        spec = attributes.obj.setdefault("spec", {})
        for name in ("uid", "extra"):
            spec.pop(name, None)
        spec |= {"username": attributes.user, "groups": list(attributes.groups)}

"""kubectl create token: a TokenRequest for a service account."""
from __future__ import annotations

from kubectl import printers
from kubectl.client import quote
from kubectl.errors import CommandError, StatusError
from kubectl.generators.arguments import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_BOUND = {"Pod": "v1", "Secret": "v1", "Node": "v1"}


def run(session: Session, args: list[str]) -> int:
    name = name_of(session, args)
    document = _request(session)
    path = f"/api/v1/namespaces/{quote(session.namespace)}/serviceaccounts/{quote(name)}/token"
    try:
        answer = session.client.request("POST", path, body=document)
    except StatusError as error:
        raise CommandError(f"failed to create token: {error.message}") from None
    printer = printers.printer_of(session)
    session.out(printer(answer) if printer else f"{answer['status']['token']}\n")
    return 0


def _request(session: Session) -> Document:
    flags = session.flags
    spec: Document = {"audiences": flags.texts("audience") or None}
    seconds = flags.seconds("duration")
    if seconds < 0:
        raise CommandError("--duration must be greater than or equal to 0")
    if seconds % 1:
        raise CommandError("--duration cannot be expressed in units less than seconds")
    if seconds:
        spec["expirationSeconds"] = int(seconds)
    kind, name, uid = (flags.text(f"bound-object-{part}") for part in ("kind", "name", "uid"))
    if not kind and (name or uid):
        raise CommandError(f"--bound-object-{'name' if name else 'uid'} can only be set if --bound-object-kind is provided")
    if kind:
        if kind not in _BOUND:
            raise CommandError(f"supported --bound-object-kind values are {', '.join(sorted(_BOUND))}")
        if not name:
            raise CommandError("--bound-object-name is required if --bound-object-kind is provided")
        spec["boundObjectRef"] = {"kind": kind, "apiVersion": _BOUND[kind], "name": name, **({"uid": uid} if uid else {})}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {},
            "spec": {key: value for key, value in spec.items() if value is not None}}

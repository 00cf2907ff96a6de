"""kubectl create service and ingress."""
from __future__ import annotations

import re

from kubectl.errors import CommandError
from kubectl.generators.arguments import name_of, required

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.session import Session

_RULE = re.compile(r"^(?P<host>[\w\-*.]*)(?P<path>/[^=]*)?(?P<star>\*)?=(?P<service>[\w\-.]+):(?P<port>[\w\-]+)(?P<tls>,tls(=(?P<secret>[\w\-.]*))?)?$")


def service_of(kind: str) -> Callable[[Session, list[str]], Document]:
    """The maker of services of one type."""
    def make(session: Session, args: list[str]) -> Document:
        flags, name = session.flags, name_of(session, args)
        spec: Document = {"type": kind, "selector": {"app": name}}
        if kind == "ExternalName":
            required(session, "external-name")
            spec["externalName"] = flags.text("external-name")
        if flags.has("clusterip") and flags.text("clusterip"):
            spec["clusterIP"] = flags.text("clusterip")
        if flags.texts("tcp"):
            spec["ports"] = [_port(text, flags.number("node-port") if flags.has("node-port") else 0) for text in flags.texts("tcp")]
        elif kind != "ExternalName" and spec.get("clusterIP") != "None":
            raise CommandError("at least one tcp port specifier must be provided")
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec,
                "status": {"loadBalancer": {}}}
    return make


def _port(text: str, node_port: int) -> Document:
    port, _, target = text.partition(":")
    try:
        number = int(port)
    except ValueError:
        raise CommandError(f'strconv.ParseUint: parsing "{port}": invalid syntax') from None
    aim: int | str = number if not target else int(target) if target.isdecimal() else target
    found: Document = {"name": text.replace(":", "-"), "port": number, "protocol": "TCP", "targetPort": aim}
    return {**found, "nodePort": node_port} if node_port else found


def ingress(session: Session, args: list[str]) -> Document:
    """--rule=host/path=service:port[,tls[=secret]]; a path that ends in `*` is a prefix."""
    flags, name = session.flags, name_of(session, args)
    default, rules = flags.text("default-backend"), flags.texts("rule")
    if not default and not rules:
        raise CommandError("not enough information provided: every ingress has to either specify a default-backend (which catches all "
                           "traffic) or a list of rules (which catch specific paths)")
    parsed = []
    for rule in rules:
        match = _RULE.match(rule)
        if match is None:
            raise CommandError(f"rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]")
        parsed.append(match.groupdict())
    spec: Document = {}
    if flags.text("class"):
        spec["ingressClassName"] = flags.text("class")
    if default:
        spec["defaultBackend"] = _default_backend(default)
    tls = _tls(parsed)
    if tls:
        spec["tls"] = tls
    if parsed:
        spec["rules"] = _rules(parsed)
    metadata: Document = {"name": name}
    annotations = _annotations(flags.texts("annotation"))
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}


def _annotations(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        key, given, value = word.partition("=")
        if not given:
            raise CommandError(f"annotation {word} is invalid and should be in format key=[value]")
        found[key] = value
    return found


def _default_backend(text: str) -> Document:
    service, colon, port = text.partition(":")
    if not colon or not service or not port or ":" in port:
        raise CommandError("default-backend should be in format servicename:serviceport")
    return _backend(service, port)


def _backend(service: str, port: str) -> Document:
    return {"service": {"name": service, "port": {"number": int(port)} if port.isdecimal() else {"name": port}}}


def _rules(parsed: list[dict[str, str | None]]) -> list[Document]:
    by_host: dict[str, list[Document]] = {}
    for rule in parsed:
        path = rule["path"] or ""
        is_prefix = path.endswith("*")
        entry = {"path": path.removesuffix("*"), "pathType": "Prefix" if is_prefix else "Exact", "backend": _backend(rule["service"] or "", rule["port"] or "")}
        by_host.setdefault(rule["host"] or "", []).append(entry)
    return [{**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in by_host.items()]


def _tls(parsed: list[dict[str, str | None]]) -> list[Document]:
    hosts: dict[str, list[str]] = {}
    for rule in parsed:
        if rule["tls"]:
            known = hosts.setdefault(rule["secret"] or "", [])
            if rule["host"] and rule["host"] not in known:
                known.append(rule["host"])
    return [{**({"hosts": names} if names else {}), **({"secretName": secret} if secret else {})} for secret, names in hosts.items()]

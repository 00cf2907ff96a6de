"""What a path and a method ask for. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl

VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class RequestInfo(NamedTuple):
    """A request for a resource: `pods/NAME/log` in a namespace has subresource `log`."""

    verb: str
    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""                       # below the subresource: the path of a proxy
    query: Mapping[str, str] = MappingProxyType({})


def parse(method: str, path: str, query_string: bytes) -> RequestInfo | None:
    """None for a path that names no resource. The path is decoded already: who decoded it again would see parts that nobody sent."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    query = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)) if query_string else {}
    is_watch_path = rest[0] == "watch" and len(rest) > 1
    if is_watch_path:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    name, subresource = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
    verb = VERBS.get(method, method.lower())
    if verb == "get" and not name:
        verb = "list"
    if verb in ("get", "list") and (is_watch_path or query.get("watch", "").lower() in ("1", "t", "true")) and not subresource:
        verb = "watch"
    if verb == "delete" and not name:
        verb = "deletecollection"
    return RequestInfo(verb, group, version, rest[0], namespace, name, subresource, "/".join(rest[3:]), query)

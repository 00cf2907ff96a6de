"""The paths of discovery and OpenAPI, each answer made once and kept with its ETag."""
from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import orjson

from apiserver.http.negotiation import JSON, wishes
from apiserver.http.responses import Receive, Scope, Send, header, send_bytes
from kubeapi import discovery, errors, openapi
from kubeapi.release import GIT_VERSION

OPENAPI_V2 = "/openapi/v2"
# The second is the name that the first should have had.
GNOSTIC = ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")


class DiscoveryEndpoints:
    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[bytes, str]] = {}       # (path, form) -> bytes, ETag; as many as there are paths
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """True if the path is discovery's and was answered."""
        path = scope["path"].rstrip("/")
        if scope["method"] not in ("GET", "HEAD") or path.split("/")[1:2] not in (["api"], ["apis"], ["openapi"]):
            return False
        form, content_type = _form(path, header(scope, b"accept"))
        try:
            body, etag = await self._answer(path, form)
        except KeyError:
            return False
        if {etag, "*"} & {one.strip().removeprefix("W/") for one in header(scope, b"if-none-match").split(",")}:
            await send_bytes(scope, send, 304, b"", content_type, [(b"etag", etag.encode())])
        else:
            await send_bytes(scope, send, 200, body, content_type, [(b"etag", etag.encode()), (b"vary", b"Accept")])
        return True

    @staticmethod
    def paths() -> list[str]:
        served = [f"/{one}" for one in openapi.group_versions()]
        groups = {one.rpartition("/")[0] for one in served if one.startswith("/apis/")}
        return ["/api", "/apis", *served, *groups, OPENAPI_V2, "/openapi/v3"]

    async def _answer(self, path: str, form: str) -> tuple[bytes, str]:
        """Made when first asked for, beside the loop: the whole OpenAPI takes a fifth of a second. Raises KeyError."""
        if (path, form) not in self._made:
            make = _maker(path, form)
            async with self._making:
                if (path, form) not in self._made:
                    self._made[path, form] = await asyncio.to_thread(_encoded, make)
        return self._made[path, form]


def _encoded(make: Callable[[], dict[str, Any] | bytes]) -> tuple[bytes, str]:
    made = make()
    body = made if isinstance(made, bytes) else orjson.dumps(made)
    return body, f'"{hashlib.sha256(body).hexdigest().upper()}"'


def _form(path: str, accept: str) -> tuple[str, str]:
    """(which form of the answer, its content type). Raises NotAcceptable."""
    if path in ("/api", "/apis"):
        return _wanted_form(accept)
    if path == OPENAPI_V2:
        return _openapi_form(accept)
    return "", JSON


def _openapi_form(accept: str) -> tuple[str, str]:
    for wish, _ in wishes(accept or JSON):
        if wish in GNOSTIC:
            return "gnostic", GNOSTIC[1]        # `@` is no character of a media type: Go refuses it in an answer
        if wish in (JSON, "*/*", "application/*"):
            return "", JSON
    raise errors.NotAcceptable(f"only the following media types are accepted: {', '.join((JSON, *GNOSTIC))}")


def _wanted_form(accept: str) -> tuple[str, str]:
    """The first of the client's wishes: "" is the legacy form."""
    for media, options in wishes(accept):
        version = options.get("v", "")
        if media == JSON and options.get("g") == "apidiscovery.k8s.io" and options.get("as") == "APIGroupDiscoveryList" \
                and version in ("v2", "v2beta1"):
            return version, f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        if media in (JSON, "*/*") and "g" not in options:
            return "", JSON
    return "", JSON


def _maker(path: str, form: str) -> Callable[[], dict[str, Any] | bytes]:
    """Raises KeyError for a path that is no discovery."""
    parts = path.strip("/").split("/")
    match parts:
        case ["api"] | ["apis"] if form:
            return lambda: discovery.aggregated(form, core=parts == ["api"])
        case ["api"]:
            return discovery.api_versions
        case ["apis"]:
            return discovery.api_group_list
        case ["api", version]:
            return lambda: discovery.api_resource_list("", version)
        case ["apis", group] if group:
            return lambda: discovery.api_group(group)
        case ["apis", group, version] if group:
            return lambda: discovery.api_resource_list(group, version)
        case ["openapi", "v2"]:
            return lambda: openapi.gnostic.encode(openapi.v2.document()) if form else openapi.v2.document()
        case ["openapi", "v3"]:
            return _openapi_index
        case ["openapi", "v3", *rest]:
            return lambda: openapi.document("/".join(rest))
    raise KeyError(path)


def _openapi_index() -> dict[str, Any]:
    """The hash names what is behind it: clients keep a document as long as its hash stays."""
    return {"paths": {one: {"serverRelativeURL": f"/openapi/v3/{one}?hash={hashlib.sha256((GIT_VERSION + one).encode()).hexdigest()}"}
                      for one in openapi.group_versions()}}

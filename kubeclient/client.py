"""The REST client: typed views or raw documents of any resource, over a Transport.

Every request has a deadline, a watch for its beginning. 429 and 5xx that name a time to wait are tried again a few times;
all other failures are raised as the API's own errors (kubeapi.errors), a server not reached as TransportError. Of a thousand requests
a few are under way and the rest wait their turn: each connection more costs both sides a handshake, and the server does one thing at a time.
"""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar, cast
from urllib.parse import quote, urlencode

import orjson

from kubeapi.catalog import resource_of
from kubeapi.errors import ApiStatusError, from_status
from kubeapi.meta import Object
from kubeapi.resource import Resource
from kubeclient.causes import HEADER, current
from kubeclient.transport import Request, Response, Transport, read_all

REQUEST_SECONDS = 30.0
REQUESTS_AT_ONCE = 32
TRIES = 10
MOST_WAIT_SECONDS = 10.0
PATCH_TYPES = {"json": "application/json-patch+json", "merge": "application/merge-patch+json",
               "strategic": "application/strategic-merge-patch+json", "apply": "application/apply-patch+yaml"}
PatchType = Literal["json", "merge", "strategic", "apply"]
Document = dict[str, Any]
T = TypeVar("T")
M = TypeVar("M", bound=Object)


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    items: Sequence[T]
    resource_version: str
    continue_: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """ADDED, MODIFIED, DELETED or BOOKMARK (of which only the resourceVersion counts)."""

    type: str
    object: T
    resource_version: str = ""
    ends_initial_events: bool = False


class Client:
    def __init__(self, transport: Transport, user_agent: str = "picokube") -> None:
        self._transport, self._user_agent = transport, user_agent
        self._turns = asyncio.Semaphore(REQUESTS_AT_ONCE)

    def apart(self) -> Client:
        """To the same server, waiting behind none of this one's requests: what cannot wait, such as Leases."""
        return Client(self._transport, self._user_agent)

    def resource(self, model: type[M], namespace: str = "") -> ResourceClient[M]:
        resource = resource_of(model)
        return ResourceClient(self, resource, model.VERSION, namespace, model)

    def documents(self, resource: Resource, version: str = "", namespace: str = "") -> ResourceClient[Document]:
        return ResourceClient(self, resource, version or resource.versions[0].name, namespace, None)

    async def request(self, method: str, path: str, body: object = None, *, query: Mapping[str, str] | None = None,
                      content_type: str = "application/json") -> Any:
        """The decoded answer. Raises ApiStatusError, TransportError, TimeoutError."""
        return orjson.loads(await self.request_bytes(method, path, body, query=query, content_type=content_type))

    async def request_bytes(self, method: str, path: str, body: object = None, *, query: Mapping[str, str] | None = None,
                            content_type: str = "application/json") -> bytes:
        request = self._request(method, path, body, query, content_type)
        for attempt in range(1, TRIES + 1):
            async with self._turns, asyncio.timeout(REQUEST_SECONDS), self._transport.open(request) as response:
                answer = await read_all(response)
                if response.status < 400:
                    return answer
                error = _error(answer, response.status)
                wait = _wait_seconds(response, error)
            if wait is None or attempt == TRIES:
                raise error
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Lines of an answer that goes on; only its beginning has a deadline."""
        request = self._request("GET", path, None, query, "")
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(REQUEST_SECONDS):
                response = await stack.enter_async_context(self._transport.open(request))
                if response.status >= 400:
                    raise _error(await read_all(response), response.status)
            yield _lines(response)

    def _request(self, method: str, path: str, body: object, query: Mapping[str, str] | None, content_type: str) -> Request:
        headers = {"Accept": "application/json", "User-Agent": self._user_agent}
        if body is not None:
            headers["Content-Type"] = content_type
        if method != "GET" and (causes := current()).count:
            headers[HEADER] = causes.header()
        encoded = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        return Request(method, f"{path}?{urlencode(query)}" if query else path, headers, encoded)


def _error(answer: bytes, status: int) -> ApiStatusError:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        document = {}
    if not isinstance(document, dict) or document.get("kind") != "Status":
        document = {"message": f"the server answered {status}: {answer[:200].decode(errors='replace')}"}
    return from_status(document, status)


def _wait_seconds(response: Response, error: ApiStatusError) -> float | None:
    """How long the server asks to wait; None where it does not."""
    if response.status != 429 and response.status < 500:
        return None
    asked = response.headers.get("retry-after", "")
    return min(float(asked), MOST_WAIT_SECONDS) if asked.isdigit() else None


async def _lines(response: Response) -> AsyncIterator[bytes]:
    pending = b""
    async for chunk in response.chunks():
        *lines, pending = (pending + chunk).split(b"\n") if pending else chunk.split(b"\n")
        for line in lines:
            if line:
                yield line


class ResourceClient(Generic[T]):
    """One resource, in one namespace or (for list and watch) all. T is a typed view, or dict for raw documents."""

    def __init__(self, client: Client, resource: Resource, version: str, namespace: str, model: type[Object] | None) -> None:
        self._client, self._resource, self._version = client, resource, version
        self._namespace, self._model = namespace, model

    def in_namespace(self, namespace: str) -> ResourceClient[T]:
        return ResourceClient(self._client, self._resource, self._version, namespace, self._model)

    async def get(self, name: str) -> T:
        return self._typed(await self._client.request_bytes("GET", self._path(name)))

    async def list(self, *, label_selector: str = "", field_selector: str = "", limit: int = 0, continue_: str = "",
                   resource_version: str = "") -> Listing[T]:
        page = await self.list_documents(label_selector=label_selector, field_selector=field_selector, limit=limit, continue_=continue_,
                                         resource_version=resource_version)
        return replace(cast("Listing[Any]", page), items=[self._typed(one) for one in page.items])

    async def list_documents(self, *, label_selector: str = "", field_selector: str = "", limit: int = 0, continue_: str = "",
                             resource_version: str = "") -> Listing[Document]:
        query = _given(labelSelector=label_selector, fieldSelector=field_selector, limit=str(limit or ""),
                       resourceVersion=resource_version, **{"continue": continue_})
        document = await self._client.request("GET", self._path(), query=query)
        metadata = document["metadata"]
        kind = {"apiVersion": document["apiVersion"], "kind": self._resource.kind}
        return Listing([{**kind, **item} for item in document["items"] or ()], metadata["resourceVersion"], metadata.get("continue", ""))

    async def create(self, obj: T) -> T:
        document = self._document(obj)
        namespace = self._namespace or document["metadata"].get("namespace", "")
        return self._typed(await self._client.request_bytes("POST", self._path(namespace=namespace), document))

    async def create_subresource(self, name: str, subresource: str, body: object) -> Document:
        document: Document = await self._client.request("POST", self._path(name, subresource), body)
        return document

    async def update(self, obj: T, subresource: str = "") -> T:
        """Compare-and-swap where the object carries a resourceVersion."""
        document = self._document(obj)
        metadata = document["metadata"]
        namespace = self._namespace or metadata.get("namespace", "")
        path = self._path(metadata["name"], subresource, namespace=namespace)
        return self._typed(await self._client.request_bytes("PUT", path, document))

    async def update_status(self, obj: T) -> T:
        return await self.update(obj, "status")

    async def patch(self, name: str, body: object, type: PatchType = "merge", subresource: str = "", **parameters: str) -> T:
        return self._typed(await self._client.request_bytes("PATCH", self._path(name, subresource), body, query=parameters,
                                                            content_type=PATCH_TYPES[type]))

    async def apply(self, name: str, body: object, field_manager: str, *, force: bool = False) -> T:
        return await self.patch(name, body, "apply", fieldManager=field_manager, force=str(force).lower())

    async def delete(self, name: str, *, uid: str | None = None, resource_version: str | None = None,
                     grace_period_seconds: int | None = None, propagation_policy: str | None = None) -> None:
        preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
        await self._client.request_bytes("DELETE", self._path(name), _delete_options(
            preconditions=preconditions or None, gracePeriodSeconds=grace_period_seconds, propagationPolicy=propagation_policy))

    async def delete_collection(self, *, label_selector: str = "", field_selector: str = "", propagation_policy: str | None = None) -> None:
        await self._client.request_bytes("DELETE", self._path(), _delete_options(propagationPolicy=propagation_policy),
                                         query=_given(labelSelector=label_selector, fieldSelector=field_selector))

    @asynccontextmanager
    async def watch(self, *, resource_version: str = "", label_selector: str = "", field_selector: str = "",
                    bookmarks: bool = True, timeout_seconds: int = 0) -> AsyncIterator[AsyncIterator[WatchEvent[T]]]:
        """`async with pods.watch(...) as events: async for event in events`. An ERROR event is raised."""
        query = _given(watch="true", resourceVersion=resource_version, labelSelector=label_selector, fieldSelector=field_selector,
                       timeoutSeconds=str(timeout_seconds or ""), allowWatchBookmarks="true" if bookmarks else "")
        async with self._client.stream(self._path(), query) as lines:
            yield self._events(lines)

    async def _events(self, lines: AsyncIterator[bytes]) -> AsyncIterator[WatchEvent[T]]:
        async for line in lines:
            event = orjson.loads(line)
            document = event["object"]
            if event["type"] == "ERROR":
                raise from_status(document, int(document.get("code", 500)))
            metadata = document["metadata"]
            ends = metadata.get("annotations", {}).get("k8s.io/initial-events-end") == "true" if event["type"] == "BOOKMARK" else False
            obj = document if event["type"] == "BOOKMARK" else self._typed(document)
            yield WatchEvent(event["type"], cast(T, obj), metadata["resourceVersion"], ends)

    def _path(self, name: str = "", subresource: str = "", *, namespace: str | None = None) -> str:
        group, space = self._resource.group, self._namespace if namespace is None else namespace
        parts = [f"/apis/{group}/{self._version}" if group else f"/api/{self._version}"]
        if self._resource.is_namespaced and space:
            parts.append(f"namespaces/{quote(space, safe='')}")
        parts.append(self._resource.plural)
        parts += [quote(part, safe="") for part in (name, subresource) if part]
        return "/".join(parts)

    def _typed(self, document: Document | bytes) -> T:
        if self._model is not None:
            return cast(T, self._model.from_wire(document))
        return cast(T, orjson.loads(document) if isinstance(document, bytes) else document)

    def _document(self, obj: T) -> Document:
        return obj.to_wire() if isinstance(obj, Object) else cast(Document, obj)


def _given(**parameters: str) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}


def _delete_options(**options: object) -> Document:
    return {"apiVersion": "v1", "kind": "DeleteOptions", **{name: value for name, value in options.items() if value is not None}}

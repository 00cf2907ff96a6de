"""The verbs of a resource over HTTP: from a request's bytes to the Store and back."""
from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from apiserver.auth.user import User
from apiserver.cacher import CachedObject
from apiserver.http import writeoptions
from apiserver.http.bodies import decode_object, decode_options, decoded_aside, media_type, parse_any, read_body
from apiserver.http.negotiation import negotiate
from apiserver.http.render import Renderer
from apiserver.http.requestinfo import RequestInfo
from apiserver.http.responses import Receive, Scope, Send, header, send_bytes, send_document, send_list, warn
from apiserver.http.watch import serve_watch
from apiserver.http.writeoptions import WriteOptions
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.listing import is_true, parse
from apiserver.registry.patches import APPLY, SUPPORTED, patch_of, touched_by, unsupported
from apiserver.registry.store import Change, Context, Store
from kubeapi import errors
from kubeapi.decode import DecodeError, decode
from kubeapi.fielderrors import invalid
from kubeapi.resource import Resource, Version
from kubeapi.schemas import schema_of
from kubeapi.world import World

Document = dict[str, Any]
# Subresources that are a part of the object, or a view of it; what does more has a handler of its own.
PARTS = frozenset({"status", "scale", "approval", "ephemeralcontainers", "resize"})
OTHER_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"
STREAMS = frozenset({"exec", "attach", "portforward"})


@dataclass(slots=True)
class Exchange:
    """One request and where its answer goes."""

    scope: Scope
    receive: Receive
    send: Send
    info: RequestInfo
    user: User
    before_creating: Callable[[], Awaitable[None]] | None = None       # raises Forbidden; None: there is nothing to ask
    _options: WriteOptions | None = None

    @property
    def query(self) -> Mapping[str, str]:
        return self.info.query

    def write_options(self) -> WriteOptions:
        """Raises Invalid."""
        if self._options is None:
            self._options = writeoptions.parse(self.info.verb, self.query, header(self.scope, b"user-agent"), is_apply=media_type(self.scope) == APPLY)
        return self._options


class ResourceHandler:
    """Serves one version of one resource."""

    def __init__(self, store: Store, version: Version, resource: Resource, world: World) -> None:
        self._store, self._version, self._resource, self._world = store, version, resource, world
        self._api_version = resource.gvk(version.name).api_version
        self._renderer = Renderer(resource, version, world)
        self._deprecation = resource.strategy().deprecation

    async def __call__(self, exchange: Exchange) -> None:
        verb = exchange.info.verb
        if self._deprecation:
            warn(exchange.scope, [self._deprecation])
        if verb not in self._verbs(exchange.info.subresource) or (verb in ("update", "patch") and not exchange.info.name):
            raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
        if self._resource.is_namespaced and not exchange.info.namespace and verb not in ("list", "watch", "deletecollection"):
            raise errors.BadRequest("namespace is required")
        if verb not in ("list", "watch", "deletecollection"):
            negotiate(header(exchange.scope, b"accept"))        # what cannot be answered is not done either
        await getattr(self, f"_{verb}")(exchange)

    def _verbs(self, subresource: str) -> tuple[str, ...]:
        if not subresource:
            return self._resource.verbs
        found = self._resource.subresources.get(subresource)
        if subresource in STREAMS:
            raise errors.BadRequest("Upgrade request required")
        if found is None or subresource not in PARTS:
            raise errors.NotFound("the server could not find the requested resource")
        return found.verbs

    # --- reading

    async def _get(self, exchange: Exchange) -> None:
        info = exchange.info
        found = await self._store.get(info.namespace, info.name, exchange.query.get("resourceVersion", ""))
        if info.subresource == "scale":
            await send_document(exchange.scope, exchange.send, 200, scale_of(found.document()))
            return
        await self._answer(exchange, 200, found)

    async def _list(self, exchange: Exchange) -> None:
        info, store = exchange.info, self._store
        options = parse(exchange.query, store.resource, False)
        accepted = negotiate(header(exchange.scope, b"accept"), for_list=True)
        page = await store.list(info.namespace, options)
        metadata: Document = {"resourceVersion": str(page.revision)}
        if page.continue_token:
            metadata["continue"] = page.continue_token
        if page.remaining is not None:
            metadata["remainingItemCount"] = page.remaining
        head, items, tail = self._renderer.listed(page.items, metadata, accepted, exchange.query)
        await send_list(exchange.scope, exchange.send, head, items, tail, accepted.content_type)

    async def _watch(self, exchange: Exchange) -> None:
        info, store = exchange.info, self._store
        options = parse(exchange.query, store.resource, True)
        accepted = negotiate(header(exchange.scope, b"accept"), for_watch=True)
        representation = self._renderer.lines(accepted, exchange.query, store.cacher.json)
        await serve_watch(store.cacher, options.selection(info.namespace, info.name), options, representation, accepted,
                          exchange.scope, exchange.receive, exchange.send, self._world)

    # --- writing

    async def _create(self, exchange: Exchange) -> None:
        info = exchange.info
        if info.name and not info.subresource:
            raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
        document = await self._document(exchange)
        created = await self._store.create(info.namespace, self._version.to_storage(document), self._context(exchange))
        await self._answer(exchange, 201, created)

    async def _update(self, exchange: Exchange) -> None:
        info = exchange.info
        if info.subresource == "scale":
            await self._rescale(exchange, parse_any(await read_body(exchange.scope, exchange.receive), media_type(exchange.scope)))
            return
        document = await self._document(exchange)
        metadata = document.setdefault("metadata", {})
        if metadata.get("name", "") != info.name:
            raise errors.BadRequest(f"the name of the object ({metadata.get('name', '')}) does not match the name on the URL ({info.name})")
        updated, is_new = await self._store.replace(info.namespace, info.name, self._version.to_storage(document),
                                                    self._context(exchange), subresource=info.subresource)
        await self._answer(exchange, 201 if is_new else 200, updated)

    async def _patch(self, exchange: Exchange) -> None:
        info, media = exchange.info, media_type(exchange.scope)
        if media not in SUPPORTED:
            raise unsupported()
        if media == APPLY and info.subresource != "scale":
            await self._apply(exchange)
            return
        read = await read_body(exchange.scope, exchange.receive)
        body = await decoded_aside(read, media, lambda: parse_any(read, media))
        if info.subresource == "scale" and media == APPLY:
            await self._apply_scale(exchange, body)
            return
        if info.subresource == "scale":
            await self._rescale(exchange, body, patch_of(media, body, schema_of("autoscaling", "v1", "Scale"), "Scale", "autoscaling", info.name))
            return
        schema = self._version.schema()
        patch = patch_of(media, body, schema, self._resource.kind, self._resource.group, info.name)
        validation = exchange.write_options().validation

        touched = touched_by(media, body)

        def change(old: Document) -> Document:
            patched = patch(self._version.from_storage(old))
            # Half of a patch's cost: what it leaves alone was decoded when it was written.
            changed = patched if touched is None else {name: value for name, value in patched.items() if name in touched}
            try:
                decoded = decode(changed, schema)
            except DecodeError as error:
                raise errors.BadRequest(f'{self._resource.kind} in version "{self._version.name}" cannot be handled as a '
                                        f"{self._resource.kind}: {error}") from error
            if decoded.faults and validation == "Strict":
                raise errors.BadRequest(f"strict decoding error: {', '.join(decoded.faults)}")
            if validation == "Warn":
                warn(exchange.scope, decoded.faults)
            return self._version.to_storage(decoded.document if touched is None else _in_place(decoded.document, patched, touched))

        metadata = _metadata(body)
        updated = await self._store.update(info.namespace, info.name, change, self._context(exchange), subresource=info.subresource,
                                           resource_version=str(metadata.get("resourceVersion") or ""), uid=str(metadata.get("uid") or ""))
        await self._answer(exchange, 200, updated)

    async def _apply(self, exchange: Exchange) -> None:
        info = exchange.info
        body = await read_body(exchange.scope, exchange.receive)
        validation = exchange.write_options().validation
        config, warnings = await decoded_aside(body, APPLY, lambda: decode_object(
            body, APPLY, self._version.schema(), self._api_version, self._resource.kind, validation))
        warn(exchange.scope, warnings)
        metadata = config.setdefault("metadata", {})
        if metadata.get("managedFields") is not None:
            raise errors.BadRequest("metadata.managedFields must be nil")
        for field, given in (("name", info.name), ("namespace", info.namespace)):
            if metadata.setdefault(field, given) != given:
                raise errors.BadRequest(f"the {field} of the object ({metadata[field]}) does not match the {field} on the URL ({given})"
                                        if field == "name" else
                                        OTHER_NAMESPACE)
        if not info.namespace:
            del metadata["namespace"]
        ignored = [field for field in config if field not in ("apiVersion", "kind", "metadata", "status")] \
            if info.subresource in ("status", "approval") else ["status"] if "status" in self._resource.subresources else []
        for field in ignored:
            config.pop(field, None)
        applied, is_new = await self._store.apply(
            info.namespace, info.name, self._version.to_storage(config), self._context(exchange),
            force=is_true(exchange.query.get("force", "")), subresource=info.subresource)
        await self._answer(exchange, 201 if is_new else 200, applied)

    async def _apply_scale(self, exchange: Exchange, body: Any) -> None:
        """Its manager owns spec.replicas of the object itself, as one who applies /scale."""
        info = exchange.info
        try:
            given = decode(body, schema_of("autoscaling", "v1", "Scale")).document
        except DecodeError as error:
            raise errors.BadRequest(f'Scale in version "v1" cannot be handled as a Scale: {error}') from error
        replicas, identity = (given.get("spec") or {}).get("replicas"), given.get("metadata") or {}
        if replicas is not None and replicas < 0:
            raise errors.invalid("Scale", "autoscaling", info.name, [invalid("spec.replicas", replicas, "must be greater than or equal to 0")])
        config: Document = {
            "apiVersion": self._api_version, "kind": self._resource.kind, **({"spec": {"replicas": replicas}} if replicas is not None else {}),
            "metadata": {"name": info.name, "namespace": info.namespace, **{name: identity[name] for name in ("uid", "resourceVersion") if identity.get(name)}}}
        applied, _ = await self._store.apply(info.namespace, info.name, self._version.to_storage(config), self._context(exchange),
                                             force=is_true(exchange.query.get("force", "")), subresource="scale")
        await send_document(exchange.scope, exchange.send, 200, scale_of(applied.document()))

    async def _rescale(self, exchange: Exchange, body: Any, patch: Change | None = None) -> None:
        """PUT or PATCH of /scale: only spec.replicas is ours to change."""
        info, schema = exchange.info, schema_of("autoscaling", "v1", "Scale")

        def change(old: Document) -> Document:
            try:
                scale = decode(patch(scale_of(old)) if patch else body, schema).document
            except DecodeError as error:
                raise errors.BadRequest(f'Scale in version "v1" cannot be handled as a Scale: {error}') from error
            replicas = (scale.get("spec") or {}).get("replicas") or 0
            if replicas < 0:
                raise errors.invalid("Scale", "autoscaling", info.name, [
                    invalid("spec.replicas", replicas, "must be greater than or equal to 0")])
            old["spec"]["replicas"] = replicas
            return old

        metadata = _metadata(body)
        updated = await self._store.update(info.namespace, info.name, change, self._context(exchange), subresource="scale",
                                           resource_version=str(metadata.get("resourceVersion") or ""), uid=str(metadata.get("uid") or ""))
        await send_document(exchange.scope, exchange.send, 200, scale_of(updated.document()))

    async def _delete(self, exchange: Exchange) -> None:
        info = exchange.info
        options = await self._delete_options(exchange)
        strategy = self._resource.strategy()
        if strategy.warning_of_default_propagation and not options.propagation_policy:
            warn(exchange.scope, [strategy.warning_of_default_propagation])
        last, is_gone = await self._store.delete(info.namespace, info.name, options, self._context_of_deletion(exchange, options))
        if not is_gone or strategy.returns_deleted_object:
            await self._answer(exchange, 200 if is_gone else options.code_of_waiting, last)
            return
        uid = last.document()["metadata"]["uid"]
        details = {"name": info.name, "group": self._resource.group, "kind": self._resource.plural, "uid": uid}
        await send_document(exchange.scope, exchange.send, 200, {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {name: value for name, value in details.items() if value}})

    async def _deletecollection(self, exchange: Exchange) -> None:
        info = exchange.info
        options = await self._delete_options(exchange)
        accepted = negotiate(header(exchange.scope, b"accept"), for_list=True)
        page = await self._store.list(info.namespace, parse(exchange.query, self._store.resource, False))
        deleted = []
        for one in page.items:
            try:
                last, _ = await self._store.delete(one.namespace, one.name, options, self._context_of_deletion(exchange, options))
            except errors.NotFound:
                continue
            deleted.append(last)
        head, items, tail = self._renderer.listed(deleted, {"resourceVersion": str(page.revision)}, accepted, exchange.query)
        await send_list(exchange.scope, exchange.send, head, items, tail, accepted.content_type)

    # --- shared

    async def _document(self, exchange: Exchange) -> Document:
        body = await read_body(exchange.scope, exchange.receive)
        media, validation = media_type(exchange.scope), exchange.write_options().validation
        document, warnings = await decoded_aside(body, media, lambda: decode_object(
            body, media, self._version.schema(), self._api_version, self._resource.kind, validation))
        if self._resource.is_namespaced and (document.setdefault("metadata", {}).get("namespace") or exchange.info.namespace) != exchange.info.namespace:
            raise errors.BadRequest(OTHER_NAMESPACE)
        warn(exchange.scope, warnings)
        return document

    async def _delete_options(self, exchange: Exchange) -> DeleteOptions:
        body = await read_body(exchange.scope, exchange.receive)
        document = decode_options(body, media_type(exchange.scope), schema_of("meta", "v1", "DeleteOptions"), "DeleteOptions") if body else None
        return DeleteOptions.of_request(document, exchange.query)

    def _context(self, exchange: Exchange) -> Context:
        options = exchange.write_options()
        return Context(exchange.user.name, exchange.user.groups, options.manager, options.dry_run,
                       before_creating=exchange.before_creating, warn=partial(warn, exchange.scope))

    def _context_of_deletion(self, exchange: Exchange, options: DeleteOptions) -> Context:
        return replace(self._context(exchange), dry_run=options.dry_run)

    async def _answer(self, exchange: Exchange, code: int, one: CachedObject) -> None:
        accepted = negotiate(header(exchange.scope, b"accept"))
        body = self._renderer.one(one, accepted, exchange.query)
        await send_bytes(exchange.scope, exchange.send, code, body, accepted.content_type)


def _in_place(decoded: Document, patched: Document, touched: Set[str]) -> Document:
    """The decoded fields among those that were left alone, in the order of the patched document."""
    return {name: decoded.get(name, value) for name, value in patched.items() if name in decoded or name not in touched}


def _metadata(body: Any) -> Document:
    """Of a patch, which may hold anything: what it becomes is decoded later."""
    found = body.get("metadata") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def scale_of(document: Document) -> Document:
    """autoscaling/v1 Scale of anything with spec.replicas and spec.selector."""
    metadata, spec = document["metadata"], document["spec"]
    selector = spec.get("selector") or {}
    if "matchLabels" in selector or "matchExpressions" in selector:
        from kubeapi.labels import from_label_selector
        shown = str(from_label_selector(selector))
    else:
        shown = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    kept = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if name in metadata}
    status: Document = {"replicas": document.get("status", {}).get("replicas", 0)}
    if shown:
        status["selector"] = shown
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept, "spec": {"replicas": spec.get("replicas", 0)},
            "status": status}

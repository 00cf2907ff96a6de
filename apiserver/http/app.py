"""The ASGI application: authentication, limits and errors around a dict of handlers; FastAPI serves what is left."""
from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from apiserver.admission.address_repair import AddressRepair
from apiserver.admission.escalation import Escalation
from apiserver.admission.node_ports import NodePorts
from apiserver.admission.plugins import chain
from apiserver.admission.port_claims import PortClaims
from apiserver.auth.access import Access
from apiserver.auth.authentication import ANONYMOUS, Authenticator
from apiserver.auth.authorization import Authorization
from apiserver.auth.bootstraptokens import BootstrapTokens
from apiserver.auth.nodes import NodeAuthorizer
from apiserver.auth.rbac import RbacAuthorizer
from apiserver.auth.serviceaccounts import ServiceAccountTokens, SigningKey, public_keys
from apiserver.auth.user import User
from apiserver.bootstrap import policy
from apiserver.bootstrap.keeper import Keeper
from apiserver.cacher import WatchHub
from apiserver.discovery import DiscoveryEndpoints
from apiserver.http import requestinfo
from apiserver.http.access import access_of
from apiserver.http.audit import AuditLog
from apiserver.http.bodies import ClientGone
from apiserver.http.componentstatuses import ComponentStatuses
from apiserver.http.eviction import Eviction
from apiserver.http.health import Health, add_pages
from apiserver.http.impersonation import asks_to_be_another, impersonated
from apiserver.http.inflight import InFlight, LongRunning
from apiserver.http.kubelets import KubeletCredentials, Kubelets
from apiserver.http.proxy import Proxies
from apiserver.http.requestinfo import RequestInfo
from apiserver.http.responses import Receive, Scope, Send, header, send_document
from apiserver.http.reviews import reviews
from apiserver.http.streams import STREAMING, Streams, refuse
from apiserver.http.subresources import Binding, Finalize
from apiserver.http.tokenrequest import TokenRequests
from apiserver.http.verbs import Exchange, ResourceHandler
from apiserver.http.websockets import Handshake, with_bearer
from apiserver.options import Options
from apiserver.registry.stores import StoredObjects, Stores, make_stores
from apiserver.storage.compaction import compact_regularly
from apiserver.storage.interface import Storage
from kubeapi import errors
from kubeapi.catalog import by_plural
from kubeapi.goduration import parse_duration
from kubeapi.meta import ObjectKey
from kubeapi.resource import GroupResource, Resource, Version
from kubeapi.world import REAL_WORLD, World

logger = logging.getLogger(__name__)
Handler = Callable[[Exchange], Awaitable[None]]
NOT_FOUND = "the server could not find the requested resource"
CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"      # open to all: by it a node learns the cluster's CA
REQUEST_SECONDS = 60.0


class Application:
    """`async with running()` around its life: it owns the watch of the store and everything else that runs beside requests."""

    def __init__(self, options: Options, storage: Storage, world: World = REAL_WORLD) -> None:
        self._options, self._storage, self._world = options, storage, world
        self._hub = WatchHub(storage)
        self.stores: Stores = make_stores(storage, self._hub, world)
        roles = RbacAuthorizer(self.stores)
        self._authorization = Authorization(options.authorization_mode, {"RBAC": roles, "Node": NodeAuthorizer(self.stores, policy.node_rules())},
                                            self._hub.wait_until_current)
        objects = StoredObjects(self.stores, storage)
        ports = PortClaims(storage, objects, world)
        admission = chain(objects, options.service_cluster_ip_range, options.enable_admission_plugins, options.disable_admission_plugins,
                          (options.default_not_ready_toleration_seconds, options.default_unreachable_toleration_seconds),
                          mounts_tokens=bool(options.service_account_signing_key_file), authorization=self._authorization,
                          more=[NodePorts(objects, ports, world), Escalation(self._authorization, roles)])
        for store in self.stores.values():
            store.admission = admission
        self._tokens = service_account_tokens(options, self.stores, world)
        self._authenticator = Authenticator(options.tokens(), self._tokens, BootstrapTokens(
            self.stores[GroupResource("", "secrets")], world) if options.enable_bootstrap_token_auth else None,
            anonymous=options.anonymous_auth and not self._authorization.allows_everything)
        self._kubelets = Kubelets(self.stores, KubeletCredentials(
            options.kubelet_client_certificate, options.kubelet_client_key, options.kubelet_certificate_authority))
        self._streams = Streams(self._kubelets)
        self._proxies = Proxies(self.stores, self._kubelets, world)
        self._keeper = Keeper(self.stores, options)
        self._repair = AddressRepair(self.stores, ports)
        self._health = Health(self._hub, self._keeper)
        self._audit_log = AuditLog()
        self._discovery = DiscoveryEndpoints()
        self._handlers: dict[tuple[str, str, str], Handler] = {}
        self._special = self._special_handlers()
        self._in_flight, self._long_running = InFlight(), LongRunning(options.max_long_running_requests_per_user)
        self._fastapi = FastAPI(title="picokube", docs_url="/picokube/docs", redoc_url=None, openapi_url="/picokube/openapi.json")
        add_pages(self._fastapi, self._health, self._discovery, self._tokens, options.secure_port)

    def _special_handlers(self) -> dict[tuple[str, str, str], Handler]:
        """By group, resource and subresource: what is not a plain read or write of one object."""
        binding = Binding(self.stores[GroupResource("", "pods")], self._world)
        finalize = Finalize(self.stores[GroupResource("", "namespaces")])
        return {("", "pods", "binding"): binding, ("", "bindings", ""): binding, ("", "namespaces", "finalize"): finalize,
                ("", "pods", "log"): self._kubelets.logs,
                **{("", plural, "proxy"): self._proxies for plural in ("nodes", "pods", "services")},
                **{("", "pods", name): self._streams.upgrade for name in STREAMING},
                ("", "pods", "eviction"): Eviction(self.stores[GroupResource("", "pods")],
                                                   self.stores[GroupResource("policy", "poddisruptionbudgets")], self._world),
                ("", "serviceaccounts", "token"): TokenRequests(self.stores, self._tokens, self._world),
                ("", "componentstatuses", ""): ComponentStatuses(self._health.checks["etcd"], self.stores[GroupResource("coordination.k8s.io", "leases")],
                                                                 self._world),
                **reviews(self._authenticator, self._authorization)}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self._kubelets.running(), self._proxies.running(), asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._hub.run(), name="hub"), group.create_task(self._keeper.run(), name="keeper"),
                     group.create_task(self._repair.run(), name="repair"),
                     group.create_task(compact_regularly(self._storage), name="compaction")]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                self._audit_log.flush()

    async def wait_ready(self) -> None:
        await self._keeper.wait_ready()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._fastapi(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        scope["picokube.audit-id"] = header(scope, b"audit-id")[:64] or self._world.uid()
        try:
            await self._http(scope, receive, send)
        except ClientGone:
            return
        except errors.ApiStatusError as error:
            if "status" in scope:                   # the answer has begun
                logger.warning("%s %s failed after its answer had begun: %s", scope["method"], scope["path"], error)
                raise
            await self._send_status(scope, send, error)
        except BaseExceptionGroup as group:
            logger.exception("%s %s", scope["method"], scope["path"], exc_info=group)
            if "status" not in scope:
                await self._send_status(scope, send, errors.InternalError(f"Internal error occurred: {group.exceptions[0]}"))
        except RecursionError:
            if "status" not in scope:
                await self._send_status(scope, send, errors.BadRequest("the object provided is nested too deeply"))
        except Exception as error:              # the one place where a request may fail in a way nobody foresaw
            logger.exception("%s %s", scope["method"], scope["path"])
            if "status" not in scope:
                await self._send_status(scope, send, errors.InternalError(f"Internal error occurred: {error}"))
        finally:
            self._audit(scope)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        info = requestinfo.parse(scope["method"], path, scope["query_string"])
        user = await self._user(scope, info)
        access = None if self._authorization.is_open_to(user) else await self._authorized(user, info, scope["method"], path)
        if info is None:
            if not await self._discovery(scope, receive, send):
                await self._page(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, info, user)
        if access is not None and info.verb in ("update", "patch"):
            exchange.before_creating = partial(self._authorization.require, access._replace(verb="create"))
        handler = self._handler(info)
        seconds = deadline(info.query)
        if info.verb == "watch" or info.subresource in ("log", "proxy", *STREAMING):
            with self._long_running.one_of(user):
                await handler(exchange)
            return
        try:
            with self._in_flight.one_of(user.name):
                async with asyncio.timeout(seconds):
                    await handler(exchange)
        except TimeoutError:
            raise errors.Timeout("Timeout: request did not complete within the allotted timeout") from None

    async def _authorized(self, user: User, info: RequestInfo | None, method: str, path: str) -> Access:
        """Raises Forbidden."""
        access = access_of(user, info, method, path)
        if not self._authorization.decide(access).allowed:
            await self._authorization.require(access)
        if access.subresource in STREAMING and access.verb == "get":
            await self._authorization.require(access._replace(verb="create"))      # to read is not to run (v1.35)
        return access

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Any) -> None:
            scope.setdefault("status", message.get("status", 0))
            await send(message)

        await self._fastapi(scope, receive, sending)

    async def _user(self, scope: Scope, info: RequestInfo | None) -> User:
        """Who asks, or whom they may be taken for. Raises Unauthorized, Forbidden."""
        peer, authorization = scope.get("state", {}).get("peercert"), header(scope, b"authorization")
        is_open = scope["path"] == CLUSTER_INFO and info is not None and info.verb == "get"    # a watch would be held open, for nobody
        if is_open and self._authorization.allows_everything and not peer and not authorization:
            return ANONYMOUS
        user = self._authenticator.user(peer, authorization, scope["path"])
        scope["user"] = user.name
        if asks_to_be_another(scope):
            another = await impersonated(scope, user, self._authorization)
            scope["user"] = f"{user.name} as {another.name}"
            return another
        return user

    def _handler(self, info: RequestInfo) -> Handler:
        key = (info.group, info.version, info.resource)
        special = self._special.get((info.group, info.resource, info.subresource))
        if special is not None:
            resource, _ = _served(*key)
            verbs = resource.subresources[info.subresource].verbs if info.subresource else resource.verbs
            if info.verb not in verbs:
                raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
            return special
        if key not in self._handlers:
            resource, version = _served(*key)
            self._handlers[key] = ResourceHandler(self.stores[resource.group_resource], version, resource, self._world)
        return self._handlers[key]

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streams of a pod are WebSockets by nature; a watch may be one; what else comes as one is answered as if it did not."""
        info = requestinfo.parse("GET", scope["path"], scope["query_string"])
        try:
            scope = with_bearer(scope)
            if info is not None and info.subresource == "proxy" and self._handler(info) is self._proxies:
                user = await self._user(scope, info)
                await self._authorization.require(access_of(user, info, "GET", scope["path"]))
                with self._long_running.one_of(user):
                    await self._proxies.websocket(Exchange(scope, receive, send, info, user))
                return
            if info is None or (info.group, info.resource) != ("", "pods") or info.subresource not in STREAMING:
                handshake = Handshake(scope, receive, send, is_watch=info is not None and info.verb == "watch")
                await self(handshake.scope, handshake.receive, handshake.send)
                return
            user = await self._user(scope, info)
            await self._authorized(user, info, "GET", scope["path"])
            with self._long_running.one_of(user):
                await self._streams.websocket(Exchange(scope, receive, send, info, user))
        except errors.ApiStatusError as error:
            await refuse(scope, send, error)

    async def _send_status(self, scope: Scope, send: Send, error: errors.ApiStatusError) -> None:
        seconds = error.status.get("details", {}).get("retryAfterSeconds")
        extra = [(b"retry-after", str(seconds).encode())] if seconds else []
        with contextlib.suppress(OSError):
            await send_document(scope, send, error.http_code, error.status, extra)

    def _audit(self, scope: Scope) -> None:
        self._health.count(scope["method"], scope.get("status", 0))
        self._audit_log.record(scope, self._world.seconds())


def service_account_tokens(options: Options, stores: Stores, world: World) -> ServiceAccountTokens:
    """Raises KeyFileError."""
    def lookup(plural: str, namespace: str, name: str) -> dict[str, Any] | None:
        found = stores[GroupResource("", plural)].cacher.get(ObjectKey(namespace, name))
        return found.document() if found is not None else None
    signing = SigningKey(Path(options.service_account_signing_key_file)) if options.service_account_signing_key_file else None
    public = [key for path in options.service_account_key_files for key in public_keys(Path(path))]
    return ServiceAccountTokens(options.service_account_issuer, options.api_audiences, signing, public, lookup, world)


def deadline(query: Mapping[str, str]) -> float:
    """The seconds a request has: what its query says, never more than upstream's minute. Raises BadRequest."""
    text = query.get("timeout", "")
    if not text:
        return REQUEST_SECONDS
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise errors.BadRequest(f"invalid timeout specified in the request URL - {error}") from None
    return min(seconds, REQUEST_SECONDS) if seconds > 0 else REQUEST_SECONDS


def _served(group: str, version: str, plural: str) -> tuple[Resource, Version]:
    """Raises NotFound."""
    try:
        resource = by_plural(group, plural)
        return resource, resource.version(version)
    except (KeyError, StopIteration):
        raise errors.NotFound(NOT_FOUND) from None

"""POST serviceaccounts/NAME/token: a token for the account, if wanted for one pod, node or secret only."""
from __future__ import annotations

from datetime import timedelta
from typing import Any

from apiserver.auth.serviceaccounts import ServiceAccountTokens, Subject
from apiserver.http.bodies import decode_object, media_type, read_body
from apiserver.http.responses import send_document
from apiserver.http.verbs import Exchange
from apiserver.registry.attributes import Attributes
from apiserver.registry.stores import Stores
from kubeapi import errors
from kubeapi.fielderrors import FieldError, invalid
from kubeapi.resource import GroupResource
from kubeapi.schemas import schema_of
from kubeapi.times import format_time
from kubeapi.world import World

Document = dict[str, Any]
API_VERSION, KIND = "authentication.k8s.io/v1", "TokenRequest"
DEFAULT_SECONDS, SHORTEST_SECONDS = 3600, 600
ACCOUNTS = GroupResource("", "serviceaccounts")
BINDABLE = {"Pod": "pods", "Node": "nodes", "Secret": "secrets"}


class TokenRequests:
    def __init__(self, stores: Stores, tokens: ServiceAccountTokens, world: World) -> None:
        self._stores, self._tokens, self._world = stores, tokens, world

    async def __call__(self, exchange: Exchange) -> None:
        info = exchange.info
        if not self._tokens.can_issue:
            raise errors.NotFound("the server could not find the requested resource")
        account = await self._get("serviceaccounts", info.namespace, info.name)
        document, _ = decode_object(await read_body(exchange.scope, exchange.receive), media_type(exchange.scope),
                                    schema_of("authentication.k8s.io", "v1", KIND), API_VERSION, KIND, exchange.write_options().validation)
        metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
        for field, given in (("name", info.name), ("namespace", info.namespace)):
            if metadata.get(field, given) != given:
                raise errors.BadRequest(f"the {field} of the provided object does not match the {field} sent on the request")
        seconds = spec.get("expirationSeconds") or DEFAULT_SECONDS
        if faults := list(_faults(seconds)):
            raise errors.invalid(KIND, "authentication.k8s.io", "", faults)
        await self._admit(exchange, document)
        subject = await self._subject(info.namespace, account, spec.get("boundObjectRef"))
        audiences = spec.get("audiences") or list(self._tokens.audiences)
        token = self._tokens.issue(subject, audiences, seconds)
        expires = format_time(self._world.now() + timedelta(seconds=seconds))
        await send_document(exchange.scope, exchange.send, 201, {
            "kind": KIND, "apiVersion": API_VERSION,
            "metadata": {"name": info.name, "namespace": info.namespace, "creationTimestamp": format_time(self._world.now())},
            "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds}, "status": {"token": token, "expirationTimestamp": expires}})

    async def _admit(self, exchange: Exchange, document: Document) -> None:
        accounts, info, user = self._stores[ACCOUNTS], exchange.info, exchange.user
        attributes = Attributes("CREATE", accounts.resource, info.namespace, info.name, "token", document, user=user.name, groups=user.groups)
        await accounts.admission.admit(attributes)
        await accounts.admission.validate(attributes)

    async def _subject(self, namespace: str, account: Document, reference: Document | None) -> Subject:
        name, uid = account["metadata"]["name"], account["metadata"]["uid"]
        if reference is None:
            return Subject(namespace, name, uid)
        kind, version = reference.get("kind", ""), reference.get("apiVersion", "")
        if kind not in BINDABLE or version != "v1":
            raise errors.BadRequest(f"cannot bind token to object of type {version if '/' in version else f'/{version}'}, Kind={kind}")
        bound = await self._get(BINDABLE[kind], namespace if kind != "Node" else "", reference.get("name", ""))
        has, asked = bound["metadata"]["uid"], reference.get("uid", "")
        if asked not in ("", has):
            raise errors.conflict(kind, "", reference.get("name", ""), f"the UID in the bound object reference ({asked}) does not match the UID in record. "
                                  "The object might have been deleted and then recreated")
        node = None
        if kind == "Pod":
            if bound["spec"].get("serviceAccountName") != name:
                raise errors.BadRequest(f'cannot bind token for serviceaccount "{name}" to pod running with different serviceaccount name.')
            node = await self._node_of(bound)
        return Subject(namespace, name, uid, (kind.lower(), bound["metadata"]["name"], has), node)

    async def _node_of(self, pod: Document) -> tuple[str, str] | None:
        name = pod["spec"].get("nodeName", "")
        if not name:
            return None
        try:
            return name, (await self._get("nodes", "", name))["metadata"]["uid"]
        except errors.NotFound:
            return name, ""

    async def _get(self, plural: str, namespace: str, name: str) -> Document:
        return (await self._stores[GroupResource("", plural)].get(namespace, name)).document()


def _faults(seconds: int) -> list[FieldError]:
    path = "spec.expirationSeconds"
    if seconds < SHORTEST_SECONDS:
        return [invalid(path, seconds, "may not specify a duration less than 10 minutes")]
    return [invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")] if seconds > 1 << 32 else []

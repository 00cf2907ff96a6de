"""POST pods/NAME/eviction: a deletion that disruption budgets may refuse."""
from __future__ import annotations

from typing import Any

from apiserver.auth.nodes import node_of
from apiserver.http.bodies import decode_options, media_type, read_body
from apiserver.http.responses import send_document
from apiserver.http.verbs import Exchange
from apiserver.registry.attributes import Attributes
from apiserver.registry.deletion import DeleteOptions
from apiserver.registry.eviction import budget_of, charged, condemned, may_go_unhealthy, needs_no_budget
from apiserver.registry.store import Context, Store
from kubeapi import errors
from kubeapi.schemas import schema_of
from kubeapi.times import format_time
from kubeapi.world import World

Document = dict[str, Any]


class Eviction:
    def __init__(self, pods: Store, budgets: Store, world: World) -> None:
        self._pods, self._budgets, self._world = pods, budgets, world

    async def __call__(self, exchange: Exchange) -> None:
        """The budget is charged first: a crash in between costs a disruption that its controller gives back."""
        namespace, name = exchange.info.namespace, exchange.info.name
        body = decode_options(await read_body(exchange.scope, exchange.receive), media_type(exchange.scope), schema_of("policy", "v1", "Eviction"), "Eviction")
        if (body.get("metadata") or {}).get("name", name) != name:
            raise errors.BadRequest("name in URL does not match name in Eviction object")
        options = DeleteOptions.parse(_with_dry_run(body.get("deleteOptions") or {}, exchange.query.get("dryRun", "")))
        context = Context(exchange.user.name, exchange.user.groups, "kube-apiserver", dry_run=options.dry_run)
        attributes = Attributes("CREATE", self._pods.resource, namespace, name, "eviction", body, user=context.user, groups=context.groups,
                                dry_run=options.dry_run)
        await self._pods.admission.admit(attributes)
        await self._pods.admission.validate(attributes)
        pod = (await self._pods.get(namespace, name)).document()
        node = node_of(exchange.user.name, exchange.user.groups)
        if node and pod["spec"].get("nodeName") != node:
            raise errors.forbidden("pods", "", name, f'node "{node}" can only evict pods with spec.nodeName set to itself')
        if not needs_no_budget(pod):
            await self._charge(namespace, pod, context)
            now = format_time(self._world.now())
            await self._pods.update(namespace, name, lambda live: condemned(live, now), context, subresource="status",
                                    uid=options.uid or pod["metadata"]["uid"])
        await self._pods.delete(namespace, name, options, context)
        await send_document(exchange.scope, exchange.send, 201,
                        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})

    async def _charge(self, namespace: str, pod: Document, context: Context) -> None:
        snapshot = await self._budgets.cacher.list(match="consistent")
        found = budget_of(pod, [one.document() for one in snapshot.objects if one.namespace == namespace])
        if found is None or may_go_unhealthy(pod, found):
            return
        now = format_time(self._world.now())
        await self._budgets.update(namespace, found["metadata"]["name"], lambda live: charged(live, pod["metadata"]["name"], now),
                                   context, subresource="status")


def _with_dry_run(options: Document, asked: str) -> Document:
    """The request's own dryRun counts for the deletion; both may say it. Raises BadRequest where they differ."""
    wanted, inside = [asked] if asked else [], options.get("dryRun") or []
    if wanted and inside and wanted != inside:
        raise errors.BadRequest(f"Non-matching dry-run options in request and content: [{asked}] and [{' '.join(inside)}]")
    return {**options, "dryRun": inside or wanted}

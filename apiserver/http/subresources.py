"""Subresources that do more than change a part of their object: binding, finalize, and what the kubelet answers."""
from __future__ import annotations

from typing import Any

from apiserver.http.bodies import decode_options, media_type, read_body
from apiserver.http.responses import send_document
from apiserver.http.verbs import Exchange
from apiserver.registry.attributes import Attributes
from apiserver.registry.store import Context, Store
from kubeapi import errors
from kubeapi.schemas import schema_of
from kubeapi.times import format_time
from kubeapi.world import World

Document = dict[str, Any]


class Binding:
    """POST pods/NAME/binding: the scheduler's decision, taken once."""

    def __init__(self, pods: Store, world: World) -> None:
        self._pods, self._world = pods, world

    async def __call__(self, exchange: Exchange) -> None:
        body = decode_options(await read_body(exchange.scope, exchange.receive), media_type(exchange.scope), schema_of("", "v1", "Binding"), "Binding")
        target, metadata = body.get("target") or {}, body.get("metadata") or {}
        name, node = exchange.info.name or metadata.get("name", ""), target.get("name", "")
        if target.get("kind", "Node") not in ("", "Node") or not node:
            raise errors.BadRequest("a Binding needs a target of kind Node with a name")

        def bind(pod: Document) -> Document:
            key = f'{pod["metadata"]["namespace"]}/{name}'
            if "deletionTimestamp" in pod["metadata"]:
                raise errors.conflict("pods/binding", "", name, f"pod {name} is being deleted, cannot be assigned to a host")
            if assigned := pod["spec"].get("nodeName"):
                raise errors.conflict("pods/binding", "", name, f"pod {name} is already assigned to node \"{assigned}\"")
            if pod["spec"].get("schedulingGates"):
                raise errors.conflict("pods/binding", "", name, f"pod {key} has non-empty .spec.schedulingGates")
            pod["spec"]["nodeName"] = node
            pod["metadata"].setdefault("annotations", {}).update(metadata.get("annotations") or {})
            if not pod["metadata"]["annotations"]:
                del pod["metadata"]["annotations"]
            status = pod.setdefault("status", {})
            status.pop("nominatedNodeName", None)           # it has arrived, there or elsewhere
            others = [one for one in status.get("conditions", ()) if one["type"] != "PodScheduled"]
            status["conditions"] = [*others, {"type": "PodScheduled", "status": "True", "lastProbeTime": None,
                                              "lastTransitionTime": format_time(self._world.now())}]
            return pod

        context = Context(exchange.user.name, exchange.user.groups, "kube-scheduler", dry_run=exchange.write_options().dry_run)
        attributes = Attributes("CREATE", self._pods.resource, exchange.info.namespace, name, "binding", body, user=context.user, groups=context.groups,
                                dry_run=context.dry_run)
        await self._pods.admission.admit(attributes)
        await self._pods.admission.validate(attributes)
        await self._pods.update(exchange.info.namespace, name, bind, context, subresource="binding", uid=metadata.get("uid") or "")
        await send_document(exchange.scope, exchange.send, 201,
                        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})


class Finalize:
    """PUT namespaces/NAME/finalize: only spec.finalizers is changed; without any the namespace is gone."""

    def __init__(self, namespaces: Store) -> None:
        self._namespaces = namespaces

    async def __call__(self, exchange: Exchange) -> None:
        body = decode_options(await read_body(exchange.scope, exchange.receive), media_type(exchange.scope), schema_of("", "v1", "Namespace"), "Namespace")
        finalizers = (body.get("spec") or {}).get("finalizers") or []
        metadata = body.get("metadata") or {}

        def finalize(namespace: Document) -> Document:
            namespace.setdefault("spec", {})["finalizers"] = finalizers
            if not finalizers:
                del namespace["spec"]["finalizers"]
            return namespace

        context = Context(exchange.user.name, exchange.user.groups, "kube-controller-manager", dry_run=exchange.write_options().dry_run)
        updated = await self._namespaces.update("", exchange.info.name, finalize, context, subresource="finalize",
                                                resource_version=metadata.get("resourceVersion") or "")
        await send_document(exchange.scope, exchange.send, 200, updated.document())

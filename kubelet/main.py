"""`python -m kubelet`: one node over runc, or any number of hollow ones over one client and the same informers."""
from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from kubeapi.generated.models.core_v1 import Node, Pod, Service
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory
from kubeclient.kubeconfig import KubeconfigError, load
from kubeclient.notify import notify_ready
from kubeclient.process import log_to_stderr, until_signalled
from kubeclient.sockets import SocketTransport
from kubelet.api import ClientApi
from kubelet.cri import CriError, ImageService, RuntimeService
from kubelet.handlers import CRI, HOLLOW, oci_binaries
from kubelet.hollow import HollowImages, HollowRuntime
from kubelet.kubelet import Kubelet, NodeConfig
from kubelet.nodeinfo import hollow_machine, read_machine
from kubelet.nodestatus import NodeIdentity
from kubelet.options import OptionError, Options, parse
from kubelet.podfiles import ClusterDns
from kubelet.remotepods import remote_pods
from kubelet.routes import RouteKeeper, Router
from kubelet.runtimes import AllImages, Runtimes
from kubelet.server.listener import KubeletServer
from kubelet.statusmanager import StatusManager

if TYPE_CHECKING:
    from kubelet.servercertificate import ServerCertificate

log = logging.getLogger("kubelet")


class _Process:
    """What this process is made of; `run` is the wiring."""

    def __init__(self, options: Options, client: Client, group: asyncio.TaskGroup) -> None:
        self._options, self._client, self._group = options, client, group
        self._factory = InformerFactory(client)
        self._recorder = EventRecorder(client, "kubelet", "" if options.hollow_nodes > 1 else options.node_name)
        services: Informer[Service] = self._factory.informer(Service)
        self._services = services
        self._api = ClientApi(client, self._recorder, services)
        self._statuses = StatusManager(self._api)
        self._dns = ClusterDns(options.cluster_dns, options.cluster_domain)

    async def run(self) -> None:
        options, group = self._options, self._group
        server = KubeletServer(options)
        port = server.bind()
        kubelets = self._hollow_kubelets(port) if options.is_hollow else await self._runc_kubelet(port)
        group.create_task(self._factory.run(), name="informers")
        group.create_task(self._recorder.run(), name="events")
        group.create_task(self._statuses.run(), name="statuses")
        if port:
            group.create_task(server.run(kubelets, self._certificate()), name="server")
        for kubelet in kubelets.values():
            await kubelet.runtime.wait_ready()
            group.create_task(kubelet.follow_runtime(), name="runtime-events")
            group.create_task(kubelet.agent(self._client, self._recorder).run(), name="node")
            if not options.is_hollow:
                group.create_task(kubelet.collector.run(), name="image-gc")
                group.create_task(kubelet.evictions.run(), name="evictions")
        self._watch_nodes(kubelets)
        await self._services.wait_synced()
        await self._watch_pods(kubelets)
        notify_ready()

    def _certificate(self) -> ServerCertificate | None:
        """What the server's certificate is asked for with, where it is not given."""
        options = self._options
        if not options.rotates_server_certificates:
            return None
        from kubelet.servercertificate import Names, ServerCertificate
        path = options.root_dir / "pki" / "kubelet-server-current.pem"
        return ServerCertificate(self._client, path, options.client_ca_file, Names(options.node_name, options.node_ip))

    def _hollow_kubelets(self, port: int) -> dict[str, Kubelet]:
        images, machine = HollowImages(), hollow_machine()
        found = {}
        for name in self._options.hollow_names():
            identity = NodeIdentity(name, name, self._options.node_ip, port)
            config = NodeConfig(identity, machine, self._options.root_dir / name, self._dns, is_hollow=True,
                                lease_seconds=self._options.node_lease_duration_seconds)
            found[name] = self._kubelet(config, HollowRuntime(), images, "hollow")
        return found

    async def _runc_kubelet(self, port: int) -> dict[str, Kubelet]:
        from kubelet.images import ImageStore
        from kubelet.runc import RuncRuntime
        from kubelet.runc.cgroups import node_path

        options = self._options
        options.root_dir.mkdir(parents=True, exist_ok=True)
        images = ImageStore(options.root_dir / "images", hosts=options.root_dir / "certs.d")
        binaries = oci_binaries(options.runtime_handlers)
        own = RuncRuntime(options.root_dir, images, cluster=options.cluster_name, node=options.node_name,
                          cluster_cidr=options.cluster_cidr, service_cidr=options.service_cidr, node_ip=options.node_ip,
                          log_bytes=options.log_bytes, log_files=options.log_files, binaries=binaries,
                          others_pods=lambda: remote_pods(options.root_dir))
        version = await own.version()
        others = other_runtimes(options)
        runtime = Runtimes(own, {name: one for name, (one, _) in others.items()}) if others else own
        images_of = {name: one for name, (_, one) in others.items()}
        self._group.create_task(runtime.run(), name="runtime")
        await runtime.wait_ready()
        identity = NodeIdentity(options.node_name, options.hostname, options.node_ip, port, ("", *sorted({*binaries, *others})))
        machine = read_machine(options.root_dir, version, options.eviction, options.reserved, options.max_pods)
        config = NodeConfig(identity, machine, options.root_dir, self._dns,
                            node_path(options.cluster_name, options.node_name), allowed_unsafe_sysctls=options.allowed_unsafe_sysctls,
                            lease_seconds=options.node_lease_duration_seconds, pulls_at_once=options.pulls_at_once,
                            image_policy=options.image_policy, credential_providers=options.credential_providers, log_links=options.log_links,
                            pod_pids_limit=options.pod_pids_limit, eviction=options.eviction)
        everything = AllImages(images, images_of.values()) if others else images
        return {options.node_name: self._kubelet(config, runtime, everything, version[0], {"": images, **images_of})}

    def _kubelet(self, config: NodeConfig, runtime: RuntimeService, images: ImageService, name: str,
                 images_of: Mapping[str, ImageService] | None = None) -> Kubelet:
        return Kubelet(config, runtime, images, name, group=self._group, api=self._api, statuses=self._statuses, images_of=images_of)

    def _watch_nodes(self, kubelets: Mapping[str, Kubelet]) -> None:
        nodes: Informer[Node] = self._factory.informer(Node)
        routers = [RouteKeeper(nodes, one.runtime) for one in kubelets.values() if isinstance(one.runtime, Router)]
        for router in routers:
            self._group.create_task(router.run(), name="routes")

        def seen(node: Node) -> None:
            if kubelet := kubelets.get(node.metadata.name):
                kubelet.observe(node)
            for router in routers:
                router.wake()

        nodes.add_handler(seen, lambda old, new: seen(new), seen)

    async def _watch_pods(self, kubelets: Mapping[str, Kubelet]) -> None:
        """Each node asks for its own pods; hollow ones share a watch of all that have a node."""
        selector = f"spec.nodeName={next(iter(kubelets))}" if len(kubelets) == 1 else "spec.nodeName!="
        pods: Informer[Pod] = self._factory.informer(Pod, field_selector=selector)

        def update(pod: Pod) -> None:
            if kubelet := kubelets.get(pod.spec.node_name):
                kubelet.update(pod)

        def remove(pod: Pod) -> None:
            if kubelet := kubelets.get(pod.spec.node_name):
                kubelet.remove(pod)

        def changed(old: Pod, new: Pod) -> None:
            if old.metadata.uid != new.metadata.uid:
                remove(old)                       # its name was taken by another while nobody looked
            update(new)

        pods.add_handler(update, changed, remove)
        await pods.wait_synced()
        for kubelet in kubelets.values():
            await kubelet.remove_orphans({pod.metadata.uid for pod in pods.list()})


def other_runtimes(options: Options) -> dict[str, tuple[RuntimeService, ImageService]]:
    """By handler, those beside the node's own."""
    hollow = [one.name for one in options.runtime_handlers if one.type == HOLLOW]
    simulated = (HollowRuntime(handlers=hollow, name=HOLLOW), HollowImages())
    found: dict[str, tuple[RuntimeService, ImageService]] = dict.fromkeys(hollow, simulated)
    of_cri = [one for one in options.runtime_handlers if one.type == CRI]
    for endpoint in dict.fromkeys(one.endpoint for one in of_cri):
        found |= _remote_runtimes(options, endpoint, {one.name: one.handler for one in of_cri if one.endpoint == endpoint})
    return found


def _remote_runtimes(options: Options, endpoint: str, handlers: Mapping[str, str]) -> dict[str, tuple[RuntimeService, ImageService]]:
    from kubelet.remote import CriClient, RemoteImages, RemoteRuntime

    client = CriClient(endpoint)
    runtime = RemoteRuntime(client, options.root_dir, node=f"{options.cluster_name}/{options.node_name}", handlers=handlers,
                            log_bytes=options.log_bytes, log_files=options.log_files)
    return {name: (runtime, RemoteImages(client, handler)) for name, handler in handlers.items()}


async def run(options: Options) -> None:
    transport = SocketTransport(load(options.kubeconfig))
    client = Client(transport, user_agent="picokube-kubelet")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(transport.aclose)
        async with asyncio.TaskGroup() as group:
            await _Process(options, client, group).run()


def main(argv: Sequence[str] | None = None) -> int:
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
        log_to_stderr(options.verbosity)
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_signalled(run(options)))
    except (OptionError, KubeconfigError) as error:
        print(f"kubelet: {error}", file=sys.stderr)
        return 1
    except BaseExceptionGroup as group:
        reasons, rest = group.split((CriError, OSError, KubeconfigError))
        if reasons is None or rest is not None:
            raise
        print(f"kubelet: {_first(reasons)}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"kubelet: {error}", file=sys.stderr)
        return 1
    return 0


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error

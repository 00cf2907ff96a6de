"""`python -m controllers`: every controller in one process, while it holds the leader's Lease."""
from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import uvloop

from controllers.certificates import Signer, certificate_controller
from controllers.clusterroleaggregation import cluster_role_aggregation_controller
from controllers.daemonset.reconciler import daemon_set_controller
from controllers.deployment.reconciler import deployment_controller
from controllers.endpoints.endpoints import endpoints_controller
from controllers.endpoints.endpointslice import endpoint_slice_controller
from controllers.garbagecollector.reconciler import garbage_collector
from controllers.namespace import namespace_controller
from controllers.nodeipam import node_ipam_controller
from controllers.nodelifecycle.eviction import taint_eviction_controller
from controllers.nodelifecycle.reconciler import Settings, node_lifecycle_controller
from controllers.nodelifecycle.zones import Rates
from controllers.options import Options, parse
from controllers.podgc import pod_garbage_collector
from controllers.replicaset import replica_set_controller
from controllers.replicationcontroller import replication_controller
from controllers.rootca import read_bundle, root_ca_publisher
from controllers.serviceaccount import service_account_controller
from controllers.ttlafterfinished import ttl_after_finished_controller
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory
from kubeclient.kubeconfig import KubeconfigError, load
from kubeclient.leaderelection import LeaderElector
from kubeclient.notify import notify_ready
from kubeclient.process import log_to_stderr, until_signalled
from kubeclient.sockets import SocketTransport


async def control(client: Client, options: Options, root_ca: str, signer: Signer | None, server: str) -> None:
    """Runs until cancelled: what a leader does. `server` is the host that the API server is reached by."""
    factory = InformerFactory(client)
    recorder, of_nodes, of_evictions = recorders = [
        EventRecorder(client, name) for name in ("kube-controller-manager", "node-controller", "taint-eviction-controller")]
    controllers = [
        service_account_controller(client, factory),
        *([root_ca_publisher(client, factory, root_ca)] if root_ca else []),
        node_lifecycle_controller(client, of_nodes, factory, _node_settings(options)),
        taint_eviction_controller(client, of_evictions, factory),
        *([node_ipam_controller(client, recorder, factory, options.cluster_cidr, options.node_cidr_mask_size)]
          if options.cluster_cidr else []),
        replica_set_controller(client, recorder, factory),
        replication_controller(client, recorder, factory),
        deployment_controller(client, recorder, factory),
        daemon_set_controller(client, recorder, factory),
        endpoint_slice_controller(client, factory, options.endpointslice_updates_batch_period),
        endpoints_controller(client, recorder, factory, options.endpoint_updates_batch_period),
        ttl_after_finished_controller(client, factory),
        namespace_controller(client, factory),
        cluster_role_aggregation_controller(client, factory),
        *([certificate_controller(client, factory, signer, [server])] if signer else []),
        pod_garbage_collector(client, factory, options.terminated_pod_gc_threshold),
        garbage_collector(client, recorder, factory),
    ]
    async with asyncio.TaskGroup() as group:
        group.create_task(factory.run(), name="informers")
        for one in recorders:
            group.create_task(one.run(), name="events")
        for controller in controllers:
            group.create_task(controller.run(), name=controller.name)


def _node_settings(options: Options) -> Settings:
    rates = Rates(options.node_eviction_rate, options.secondary_node_eviction_rate, options.unhealthy_zone_threshold,
                  options.large_cluster_size_threshold)
    return Settings(options.node_monitor_period, options.node_monitor_grace_period, options.node_startup_grace_period, rates)


async def run(options: Options, root_ca: str, signer: Signer | None) -> None:
    config = load(options.kubeconfig)
    server = urlsplit(config.server).hostname or ""
    transport = SocketTransport(config)
    client = Client(transport, user_agent="picokube-controllers")
    try:
        notify_ready()
        if options.leader_elect:
            identity = options.leader_elect_identity or f"{socket.gethostname()}_{os.getpid()}"
            elector = LeaderElector(client, "kube-controller-manager", identity)
            await elector.run(lambda: control(client, options, root_ca, signer, server))
        else:
            await control(client, options, root_ca, signer, server)
    finally:
        await transport.aclose()


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if argv is None else argv)
    log_to_stderr(options.verbosity)
    try:
        root_ca = read_bundle(options.root_ca_file) if options.root_ca_file else ""
        signer = Signer.load(options.cluster_signing_cert_file, options.cluster_signing_key_file) if options.cluster_signing_key_file else None
    except (OSError, ValueError) as error:
        print(f"controllers: {error}", file=sys.stderr)
        return 1
    try:
        uvloop.run(until_signalled(run(options, root_ca, signer)))
    except KubeconfigError as error:
        print(f"controllers: {error}", file=sys.stderr)
        return 1
    return 0

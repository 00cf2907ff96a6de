"""`python -m scheduler`: informers feed the Scheduler while this process holds the leader's Lease."""
from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvloop

from kubeapi.generated.models.core_v1 import Node, Pod
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.events import EventRecorder
from kubeclient.informer import Informer, InformerFactory
from kubeclient.kubeconfig import KubeconfigError, load
from kubeclient.leaderelection import LeaderElector
from kubeclient.notify import notify_ready
from kubeclient.process import log_to_stderr, until_signalled
from kubeclient.sockets import SocketTransport
from scheduler.api import KubeApi
from scheduler.attempts import Attempts
from scheduler.configuration import Configuration
from scheduler.debugserver import debug_server
from scheduler.feeds import feed_budgets, feed_namespaces, feed_workloads
from scheduler.options import Options, parse
from scheduler.podinfo import PodInfo
from scheduler.queue import SchedulingQueue
from scheduler.scheduler import Scheduler

logger = logging.getLogger("scheduler")


async def schedule(client: Client, configuration: Configuration, attempts: Attempts, world: World = REAL_WORLD) -> None:
    """Runs until cancelled: what a leader does."""
    recorders = {profile.scheduler_name: EventRecorder(client, profile.scheduler_name, world=world) for profile in configuration.profiles}
    queue = SchedulingQueue(configuration.initial_backoff_seconds, configuration.longest_backoff_seconds)
    scheduler = Scheduler(configuration.profiles, KubeApi(client, recorders, world), world, queue=queue, attempts=attempts)
    factory = InformerFactory(client, world)
    nodes = factory.informer(Node)
    pods = factory.informer(Pod, transform=lambda data: PodInfo.of(Pod.from_wire(data)))
    nodes.add_handler(scheduler.update_node, lambda old, new: scheduler.update_node(new),
                      lambda node: scheduler.remove_node(node.metadata.name))
    pods.add_handler(scheduler.update_pod, lambda old, new: scheduler.update_pod(new, old), scheduler.remove_pod)
    cache = scheduler.cache
    others: list[Informer[Any]] = [
        feed_namespaces(factory, scheduler.update_namespace, scheduler.remove_namespace),
        feed_budgets(factory, cache.update_budget, cache.remove_budget), *feed_workloads(factory, cache.workloads)]
    async with asyncio.TaskGroup() as group:
        group.create_task(factory.run())
        for recorder in recorders.values():
            group.create_task(recorder.run())
        for informer in (nodes, pods, *others):
            await informer.wait_synced()
        await scheduler.run()


async def run(options: Options) -> None:
    attempts = Attempts()

    async def lead() -> None:
        await schedule(client, options.configuration, attempts)

    transport = SocketTransport(load(options.kubeconfig))
    client = Client(transport, user_agent="picokube-scheduler")
    try:
        async with debug_server(options.debug_address, attempts):
            notify_ready()
            if options.leader_elect:
                identity = options.leader_elect_identity or f"{socket.gethostname()}_{os.getpid()}"
                await LeaderElector(client, "kube-scheduler", identity).run(lead)
            else:
                await lead()
    finally:
        await transport.aclose()


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if argv is None else argv)
    log_to_stderr(options.verbosity)
    try:
        uvloop.run(until_signalled(run(options)))
    except (KubeconfigError, OSError) as error:
        print(f"scheduler: {error}", file=sys.stderr)
        return 1
    return 0

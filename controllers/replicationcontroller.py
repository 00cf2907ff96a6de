"""ReplicationController: the ReplicaSet's reconciler over the older kind, whose selector is a plain map of labels."""
from __future__ import annotations

from controllers.replicaset import replica_controller
from kubeapi.generated.models.core_v1 import ReplicationController
from kubeapi.world import REAL_WORLD, World
from kubeclient.client import Client
from kubeclient.controller import Controller
from kubeclient.events import EventRecorder
from kubeclient.informer import InformerFactory


def replication_controller(client: Client, recorder: EventRecorder, factory: InformerFactory, world: World = REAL_WORLD) -> Controller:
    return replica_controller(client, recorder.of("replication-controller"), factory, ReplicationController, world)

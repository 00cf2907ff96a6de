"""ImageLocality: prefers nodes that have the pod's images, by their size.

An image counts with the share of the nodes that have it, so that not all pods go to the one node which pulled it first.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from scheduler.framework import MAX_SCORE, Cluster
from scheduler.nodeinfo import NodeInfo
from scheduler.podinfo import PodInfo

# Less is not worth a preference; each container can count with so much at most (upstream's figures).
SMALLEST_BYTES = 23 * 1024 * 1024
LARGEST_BYTES_OF_ONE = 1000 * 1024 * 1024


class ImageLocality:
    name: ClassVar[str] = "ImageLocality"

    def raw(self, pod: PodInfo, cluster: Cluster, nodes: Sequence[NodeInfo]) -> list[int] | None:
        shares = [(image, cluster.nodes_with_image(image) / len(cluster.nodes)) for image in pod.images]
        somewhere = [(image, share) for image, share in shares if share]
        if not somewhere:
            return None
        largest = LARGEST_BYTES_OF_ONE * len(pod.images)
        return [_score(sum(int(node.images.get(image, 0) * share) for image, share in somewhere), largest) for node in nodes]

    def normalized(self, raw: Sequence[int]) -> Sequence[int]:
        return raw


def _score(size: int, largest: int) -> int:
    return MAX_SCORE * (min(max(size, SMALLEST_BYTES), largest) - SMALLEST_BYTES) // (largest - SMALLEST_BYTES)

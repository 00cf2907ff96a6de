"""A runtime that only pretends: thousands of nodes in one process, for studying the control plane without its weight."""
from kubelet.hollow.images import HollowImages
from kubelet.hollow.runtime import HollowRuntime

__all__ = ["HollowImages", "HollowRuntime"]

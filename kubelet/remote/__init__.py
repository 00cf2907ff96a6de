"""Containers and images of a runtime that speaks the CRI (containerd, CRI-O), reached by its socket."""
from kubelet.remote.client import CriClient
from kubelet.remote.images import RemoteImages
from kubelet.remote.runtime import RemoteRuntime

__all__ = ["CriClient", "RemoteImages", "RemoteRuntime"]

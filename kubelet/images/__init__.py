"""The image service: names, registries, and a content-addressed store of unpacked layers."""
from kubelet.images.store import ImageStore

__all__ = ["ImageStore"]

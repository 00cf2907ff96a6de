"""A pod's volumes: made before its containers, kept up to date while it runs, removed when it is gone."""
from kubelet.volumes.manager import VolumeError, VolumeManager

__all__ = ["VolumeError", "VolumeManager"]

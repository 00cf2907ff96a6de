"""The default runtime: runc, one shim per container, all state on disk."""
from kubelet.runc.runtime import RuncRuntime

__all__ = ["RuncRuntime"]

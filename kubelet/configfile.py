"""A KubeletConfiguration file (kubelet.config.k8s.io/v1beta1): each field is a flag's value, and flags given besides win."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

VERSION, KIND = "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(value: Any) -> str:
    return ",".join(map(str, value))


def _pairs(between: str) -> Callable[[Any], str]:
    return lambda value: ",".join(f"{name}{between}{amount}" for name, amount in value.items())


FIELDS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "podPidsLimit": ("pod-max-pids", _text), "maxPods": ("max-pods", _text),
    "evictionHard": ("eviction-hard", _pairs("<")), "evictionSoft": ("eviction-soft", _pairs("<")),
    "evictionSoftGracePeriod": ("eviction-soft-grace-period", _pairs("=")),
    "evictionMinimumReclaim": ("eviction-minimum-reclaim", _pairs("=")),
    "evictionMaxPodGracePeriod": ("eviction-max-pod-grace-period", _text),
    "evictionPressureTransitionPeriod": ("eviction-pressure-transition-period", _text),
    "kubeReserved": ("kube-reserved", _pairs("=")), "systemReserved": ("system-reserved", _pairs("=")),
    "allowedUnsafeSysctls": ("allowed-unsafe-sysctls", _list), "clusterDNS": ("cluster-dns", _list), "clusterDomain": ("cluster-domain", _text),
    "nodeLeaseDurationSeconds": ("node-lease-duration-seconds", _text),
    "serializeImagePulls": ("serialize-image-pulls", _text), "maxParallelImagePulls": ("max-parallel-image-pulls", _text),
    "imageGCHighThresholdPercent": ("image-gc-high-threshold", _text), "imageGCLowThresholdPercent": ("image-gc-low-threshold", _text),
    "imageMinimumGCAge": ("minimum-image-ttl-duration", _text), "imageMaximumGCAge": ("image-maximum-gc-age", _text),
    "containerLogMaxSize": ("container-log-max-size", _text), "containerLogMaxFiles": ("container-log-max-files", _text),
}


def arguments(document: Any) -> list[str]:
    """Raises ValueError."""
    if not isinstance(document, dict) or (document.get("apiVersion"), document.get("kind")) != (VERSION, KIND):
        raise ValueError(f"it is no {KIND} of {VERSION}")
    given = {name: value for name, value in document.items() if name not in ("apiVersion", "kind")}
    if unknown := sorted(given.keys() - FIELDS.keys()):
        raise ValueError(f"picokube's kubelet does not know the field {', '.join(unknown)}")
    try:
        return [f"--{FIELDS[name][0]}={FIELDS[name][1](value)}" for name, value in given.items() if value is not None]
    except (AttributeError, TypeError) as error:
        raise ValueError(f"a field has a value of the wrong kind: {error}") from error

"""Names and amounts of resources, as LimitRanges and ResourceQuotas use them."""
from __future__ import annotations

from kubeapi.fielderrors import FieldError, invalid
from kubeapi.names import qualified_name_faults
from kubeapi.quantity import Quantity
from kubeapi.validation.selectors import label_name

_COMPUTE = frozenset({"cpu", "memory", "ephemeral-storage"})
_COUNTED = frozenset({"pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
                      "services.nodeports", "services.loadbalancers"})
_QUOTA = _COUNTED | _COMPUTE | {f"{side}.{name}" for side in ("requests", "limits") for name in _COMPUTE} | {"requests.storage"}
_STANDARD = _QUOTA | {"storage"}
_HUGE_PAGES = ("hugepages-", "requests.hugepages-")


def is_quota_resource(name: str) -> bool:
    return name in _QUOTA or name.startswith(_HUGE_PAGES)


def is_extended(name: str) -> bool:
    """Named by somebody else than Kubernetes: `example.com/gpu`."""
    return not is_native(name) and not name.startswith("requests.") and not qualified_name_faults(f"requests.{name}")


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def may_overcommit(name: str) -> bool:
    return is_native(name) and not name.startswith("hugepages-")


def resource_name(name: str, path: str) -> list[FieldError]:
    if wrong := label_name(name, path):
        return wrong
    if "/" in name or name in _STANDARD or name.startswith(_HUGE_PAGES):
        return []
    return [invalid(path, name, "must be a standard resource type or fully qualified")]


def container_resource_name(name: str, path: str) -> list[FieldError]:
    faults = resource_name(name, path)
    if "/" not in name:
        if name not in _COMPUTE and not name.startswith("hugepages-"):
            faults.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        faults.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return faults


def quota_resource_name(name: str, path: str) -> list[FieldError]:
    faults = resource_name(name, path)
    if "/" not in name and not is_quota_resource(name):
        faults.append(invalid(path, name, "must be a standard resource for quota"))
    return faults


def quantity_value(name: str, text: str, path: str) -> list[FieldError]:
    """Not negative, and whole where things are counted."""
    amount = Quantity.parse(text)
    faults = [] if amount >= Quantity(0) else [invalid(path, str(amount), "must be greater than or equal to 0")]
    if (name in _COUNTED or is_extended(name)) and amount.milli_value() % 1000:
        faults.append(invalid(path, str(amount), "must be an integer"))
    return faults

"""Secrets: Opaque unless typed; `stringData` is written only, and becomes `data`."""
from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError, invalid, required, too_long
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.kinds.configmap import MAX_BYTES, decoded_size, validate_frozen
from kubeapi.names import config_key_faults
from kubeapi.strategy import Strategy
from kubeapi.validation.meta import immutable

Document = dict[str, Any]
ACCOUNT_NAME = "kubernetes.io/service-account.name"
_KEYS_NEEDED = {
    "kubernetes.io/dockercfg": (".dockercfg",), "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",), "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


class SecretStrategy(Strategy):
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = False

    def default(self, obj: Document) -> None:
        if not obj.get("type"):
            obj["type"] = "Opaque"
        texts = obj.pop("stringData", None)
        if texts:
            obj["data"] = {**(obj.get("data") or {}),
                           **{key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}}

    def prepare_for_update(self, new: Document, old: Document) -> None:
        if not new.get("type"):
            new["type"] = old.get("type", "Opaque")

    def validate(self, obj: Document) -> Sequence[FieldError]:
        data, kind = obj.get("data") or {}, obj.get("type", "")
        faults = [invalid(f"data[{key}]", key, fault) for key in data for fault in config_key_faults(key)]
        if sum(map(decoded_size, data.values())) > MAX_BYTES:
            faults.append(too_long("data", MAX_BYTES))
        faults += [required(f"data[{key}]") for key in _KEYS_NEEDED.get(kind, ()) if key not in data]
        if kind == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
            faults += [required("data[username]"), required("data[password]")]
        if kind == "kubernetes.io/service-account-token" and not (
                (obj.get("metadata") or {}).get("annotations") or {}).get(ACCOUNT_NAME):
            faults.append(required(f"metadata.annotations[{ACCOUNT_NAME}]"))
        return faults

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return [*immutable(new.get("type", ""), old.get("type", ""), "type"),
                *validate_frozen(new, old, ("data",)), *self.validate(new)]


COLUMNS = (NAME, column("Type", lambda each: each.get("type", "")),
           column("Data", lambda each: len(each.get("data") or ())), AGE)

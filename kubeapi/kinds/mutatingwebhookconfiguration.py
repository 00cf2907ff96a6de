"""MutatingWebhookConfigurations: who is asked, once unless told otherwise, and may change what is written."""
from __future__ import annotations

from typing import Any

from kubeapi.kinds.validatingwebhookconfiguration import COLUMNS as COLUMNS
from kubeapi.kinds.validatingwebhookconfiguration import ValidatingWebhookConfigurationStrategy

Document = dict[str, Any]


class MutatingWebhookConfigurationStrategy(ValidatingWebhookConfigurationStrategy):
    def default(self, obj: Document) -> None:
        super().default(obj)
        for hook in obj.get("webhooks") or ():
            hook.setdefault("reinvocationPolicy", "Never")

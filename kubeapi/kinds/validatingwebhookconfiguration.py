"""ValidatingWebhookConfigurations: who is asked about what is written; ten seconds, and no answer is a no, unless told otherwise."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.kinds.cells import AGE, NAME, column
from kubeapi.strategy import Strategy
from kubeapi.validation.webhooks import default_webhook, validate_webhooks

Document = dict[str, Any]


class ValidatingWebhookConfigurationStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False
    has_status: ClassVar[bool] = False
    has_generation: ClassVar[bool | None] = True

    def default(self, obj: Document) -> None:
        for hook in obj.get("webhooks") or ():
            default_webhook(hook)

    def validate(self, obj: Document) -> Sequence[FieldError]:
        return validate_webhooks(obj.get("webhooks") or [])

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return self.validate(new)


COLUMNS = (NAME, column("Webhooks", lambda each: len(each.get("webhooks") or ()), "integer"), AGE)

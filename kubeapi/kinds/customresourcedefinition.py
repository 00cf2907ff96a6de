"""CustomResourceDefinitions: kinds that users declare."""
from __future__ import annotations

from typing import ClassVar

from kubeapi.strategy import Strategy


class CustomResourceDefinitionStrategy(Strategy):
    allow_unconditional_update: ClassVar[bool] = False

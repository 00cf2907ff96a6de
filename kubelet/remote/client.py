"""Calls to a CRI runtime: documents in, documents out, and its errors as CriError in its own words."""
from __future__ import annotations

from typing import Any

from kubeapi.protobuf.wire import ProtobufError
from kubeclient.channel import Channel, Code, RpcError
from kubelet.cri import CriError
from kubelet.remote.codec import Document, decode, encode
from kubelet.remote.messages import IMAGES, SERVICE

SECONDS = 120.0                      # as upstream's runtimeRequestTimeout
REASONS = {Code.NOT_FOUND: "NotFound", Code.DEADLINE_EXCEEDED: "DeadlineExceeded", Code.UNIMPLEMENTED: "Unimplemented"}


class CriClient:
    def __init__(self, endpoint: str) -> None:
        """`endpoint`: the path of a socket."""
        self.endpoint = endpoint
        self._channel = Channel(f"unix://{endpoint}")

    async def call(self, method: str, fields: Document | None = None, *, seconds: float = SECONDS, reason: str = "") -> Document:
        """Raises CriError: `reason` if given, else NotFound, DeadlineExceeded, Unimplemented, RuntimeNotReady, or Unknown."""
        path = f"{IMAGES if 'Image' in method else SERVICE}{method}"
        try:
            return decode(f"{method}Response", await self._channel.unary(path, encode(f"{method}Request", fields or {}), seconds))
        except RpcError as error:
            raise CriError(reason or REASONS.get(Code(error.code) if error.code in [*Code] else Code.UNKNOWN, "Unknown"), str(error)) from error
        except (OSError, ProtobufError) as error:
            raise CriError(reason or "RuntimeNotReady", f"{self.endpoint}: {method}: {_said(error, seconds)}") from error

    async def close(self) -> None:
        await self._channel.close()


def _said(error: Any, seconds: float) -> str:
    return f"no answer within {seconds:g}s" if isinstance(error, TimeoutError) else str(getattr(error, "strerror", None) or error)

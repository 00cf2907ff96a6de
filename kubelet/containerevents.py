"""What changed, told to whoever listens. News of one container that wait to be read are one: nothing grows without bound."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from kubelet.cri import ContainerEvent


class Events:
    def __init__(self) -> None:
        self._listeners: list[_Listener] = []

    def publish(self, event: ContainerEvent) -> None:
        for listener in self._listeners:
            listener.pending[event] = None
            listener.wake.set()

    def listen(self) -> AsyncIterator[ContainerEvent]:
        """Listens from now on, not from the first step of the iterator."""
        listener = _Listener()
        self._listeners.append(listener)
        return self._events(listener)

    async def _events(self, listener: _Listener) -> AsyncIterator[ContainerEvent]:
        try:
            while True:
                await listener.wake.wait()
                listener.wake.clear()
                while listener.pending:
                    event = next(iter(listener.pending))
                    del listener.pending[event]
                    yield event
        finally:
            self._listeners.remove(listener)


class _Listener:
    def __init__(self) -> None:
        self.pending: dict[ContainerEvent, None] = {}
        self.wake = asyncio.Event()

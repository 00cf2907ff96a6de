"""A server that is killed cuts connections in the middle of their handshake; asyncio leaves their sockets to the collector."""
from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def severed_connections() -> Iterator[None]:
    """Collected here, where they are expected, and not in the middle of another test that would be blamed for them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()

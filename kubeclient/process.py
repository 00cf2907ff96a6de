"""What the processes of a cluster do alike: they log to stderr, and TERM or INT cancels their work, which tidies up as it ends."""
from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any

DEBUG_VERBOSITY = 4                     # -v of the components, as upstream's


def log_to_stderr(verbosity: int) -> None:
    logging.basicConfig(level=logging.DEBUG if verbosity >= DEBUG_VERBOSITY else logging.INFO, stream=sys.stderr,
                        format="%(asctime)s %(levelname).1s %(name)s: %(message)s")


async def until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Returns when *work* has ended after a signal; whoever else cancels it is told so."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    is_stopping = False

    def stop() -> None:
        nonlocal is_stopping
        is_stopping = True
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not is_stopping:
            raise

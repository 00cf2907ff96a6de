"""postStart and preStop: what a container asks to be done right after its start and right before its end."""
from __future__ import annotations

import asyncio

from kubeapi.generated.models.core_v1 import Container, LifecycleHandler
from kubelet.cri import CriError, RuntimeService
from kubelet.probes.prober import http_get


class HookError(Exception):
    """The hook failed; the words of the event."""


async def run_hook(runtime: RuntimeService, kind: str, hook: LifecycleHandler, container: Container, container_id: str,
                   pod_ip: str, seconds: float) -> None:
    """Raises HookError; kind is PostStart or PreStop."""
    if hook.sleep is not None:
        await asyncio.sleep(min(float(hook.sleep.seconds), seconds))
    elif hook.exec is not None:
        await _exec(runtime, kind, hook.exec.command, container_id, seconds)
    elif hook.http_get is not None:
        outcome = await http_get(hook.http_get, container, pod_ip, seconds)
        if not outcome.success:
            raise HookError(f"{kind}Hook failed: {outcome.message}")


async def _exec(runtime: RuntimeService, kind: str, command: tuple[str, ...], container_id: str, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds + 5):
            code, out, err = await runtime.exec_sync(container_id, command, seconds)
    except TimeoutError:
        raise HookError(f"{kind}Hook failed: it did not end within {seconds:g}s") from None
    except CriError as error:
        raise HookError(f"{kind}Hook failed: {error.message}") from error
    if code:
        output = (out + err)[:1024].decode(errors="replace").rstrip()
        raise HookError(f"{kind}Hook failed: command '{' '.join(command)}' exited with {code}: {output}")

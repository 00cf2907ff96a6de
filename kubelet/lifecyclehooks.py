"""postStart and preStop: what a container asks to be done right after its start and right before its end."""
from __future__ import annotations

import asyncio

from kubeapi.generated.models.core_v1 import Container, LifecycleHandler, Pod
from kubelet.cri import CriError, RuntimeService
from kubelet.probes.prober import fetch, url_of


class HookError(Exception):
    """The hook failed. The words are for who may read the pod's status; events say no more than that it failed."""


async def run_hook(runtime: RuntimeService, hook: LifecycleHandler, pod: Pod, container: Container, container_id: str, pod_ip: str,
                   seconds: float) -> None:
    """Raises HookError."""
    where = f'for Container "{container.name}" in Pod "{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})" failed'
    if hook.sleep is not None:
        await asyncio.sleep(min(float(hook.sleep.seconds), seconds))
    elif hook.exec is not None:
        command = " ".join(hook.exec.command)
        error, output = await _exec(runtime, hook.exec.command, container_id, seconds)
        if error:
            raise HookError(f'Exec lifecycle hook ([{command}]) {where} - error: {error}, message: "{output}"')
    elif hook.http_get is not None:
        try:
            # Whatever is answered: that it was asked is what counts.
            await fetch(hook.http_get, url_of(hook.http_get, container, pod_ip), seconds)
        except (OSError, ValueError) as error:
            raise HookError(f'HTTP lifecycle hook ({hook.http_get.path}) {where} - error: {error}, message: ""') from error
    else:
        raise HookError(f"Cannot run handler: invalid handler: {hook.to_wire()}")     # tcpSocket, which never worked


async def _exec(runtime: RuntimeService, command: tuple[str, ...], container_id: str, seconds: float) -> tuple[str, str]:
    """(what went wrong, output)"""
    try:
        async with asyncio.timeout(seconds + 5):
            code, out, err = await runtime.exec_sync(container_id, command, seconds)
    except TimeoutError:
        return f"it did not end within {seconds:g}s", ""
    except CriError as error:
        return error.message, ""
    return f"command '{' '.join(command)}' exited with {code}" if code else "", (out + err)[:1024].decode(errors="replace")

"""One probe, once: exec, httpGet, tcpSocket or grpc against a container, in upstream's words."""
from __future__ import annotations

import asyncio
from dataclasses import dataclass

from yarl import URL

from kubeapi.generated.models.core_v1 import Container, HTTPGetAction, Probe
from kubelet.cri import CriError, RuntimeService
from kubelet.probes import grpc

MOST_OUTPUT, MOST_REDIRECTS = 10 << 10, 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """`is_error`: the probe itself could not be done, which counts neither way."""

    success: bool
    message: str = ""
    is_error: bool = False


class Prober:
    def __init__(self, runtime: RuntimeService) -> None:
        self._runtime = runtime

    async def probe(self, probe: Probe, container: Container, container_id: str, pod_ip: str) -> Outcome:
        seconds = float(probe.timeout_seconds or 1)
        try:
            if probe.exec is not None:
                return await self._exec(container_id, probe.exec.command, seconds)
            if probe.http_get is not None:
                return await http_get(probe.http_get, container, pod_ip, seconds)
            if probe.tcp_socket is not None:
                port = resolve_port(probe.tcp_socket.port, container)
                return await _tcp(probe.tcp_socket.host or pod_ip, port, seconds)
            if probe.grpc is not None:
                return Outcome(*await grpc.check(pod_ip, probe.grpc.port, probe.grpc.service or "", seconds))
        except CriError as error:
            if error.reason == "DeadlineExceeded":
                return Outcome(False, f"command timed out: {error.message.removeprefix('command ')}")
            return Outcome(False, error.message, is_error=True)
        except ValueError as error:
            return Outcome(False, str(error), is_error=True)
        return Outcome(False, "missing probe handler", is_error=True)

    async def _exec(self, container_id: str, command: tuple[str, ...], seconds: float) -> Outcome:
        try:
            async with asyncio.timeout(seconds + 5):
                code, out, err = await self._runtime.exec_sync(container_id, command, seconds)
        except TimeoutError:
            return Outcome(False, f"command timed out: {' '.join(command)!r} timed out after {seconds:g}s")
        text = (out + err)[:MOST_OUTPUT].decode(errors="replace")
        return Outcome(code == 0, text)


def resolve_port(port: int | str, container: Container) -> int:
    if isinstance(port, int):
        return port
    if port.isdigit():
        return int(port)
    for one in container.ports:
        if one.name == port:
            return one.container_port
    raise ValueError(f"couldn't find port: {port} in container: {container.name}")


async def _tcp(host: str, port: int, seconds: float) -> Outcome:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Outcome(False, f"dial tcp {host}:{port}: i/o timeout")
    except OSError as error:
        return Outcome(False, f"dial tcp {host}:{port}: connect: {_go_error(error)}")
    writer.close()
    return Outcome(True)


def _go_error(error: OSError) -> str:
    import os

    return os.strerror(error.errno).lower() if error.errno else str(error)


def url_of(action: HTTPGetAction, container: Container, pod_ip: str) -> str:
    """Raises ValueError where the port's name is unknown."""
    host, path = action.host or pod_ip, action.path or "/"
    port = resolve_port(action.port, container)
    return f"{(action.scheme or 'HTTP').lower()}://{f'[{host}]' if ':' in host else host}:{port}{path if path.startswith('/') else f'/{path}'}"


async def http_get(action: HTTPGetAction, container: Container, pod_ip: str, seconds: float) -> Outcome:
    url = url_of(action, container, pod_ip)
    try:
        status, body = await fetch(action, url, seconds)
    except OSError as error:
        return Outcome(False, str(error))
    if 200 <= status < 400:
        return Outcome(True, body.decode(errors="replace"))
    return Outcome(False, f"HTTP probe failed with statuscode: {status}")


async def fetch(action: HTTPGetAction, url: str, seconds: float) -> tuple[int, bytes]:
    """Status and the beginning of the body; redirects within the host are followed. Raises OSError in Go's words."""
    import aiohttp

    headers = {"User-Agent": "kube-probe/1.36", "Accept": "*/*", **{one.name: one.value for one in action.http_headers}}
    connector, timeout = aiohttp.TCPConnector(ssl=False, force_close=True), aiohttp.ClientTimeout(total=seconds)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
            target = URL(url)
            for _ in range(MOST_REDIRECTS):
                async with session.get(target, headers=headers, allow_redirects=False) as answer:
                    body, location = await answer.content.read(MOST_OUTPUT), answer.headers.get("Location", "")
                    if not 300 <= answer.status < 400 or not location or target.join(URL(location)).host != target.host:
                        return answer.status, body
                    target = target.join(URL(location))
    except TimeoutError:
        raise OSError(f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)') from None
    except aiohttp.ClientConnectorError as error:
        raise OSError(f'Get "{url}": dial tcp {URL(url).host}:{URL(url).port}: connect: {_go_error(error.os_error)}') from error
    except (aiohttp.ClientError, OSError) as error:
        raise OSError(f'Get "{url}": {error or type(error).__name__}') from error
    raise OSError(f'Get "{url}": stopped after {MOST_REDIRECTS} redirects')

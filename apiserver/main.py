"""`python -m apiserver`: the API over etcd, until TERM."""
from __future__ import annotations

import asyncio
import logging
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from apiserver.admission.plugins import UnknownPlugin
from apiserver.auth.authentication import TokenFileError
from apiserver.http.app import Application
from apiserver.http.server import make_server
from apiserver.options import Options, parse
from apiserver.storage.etcd import EtcdConfig, EtcdStorage
from apiserver.storage.interface import Storage
from apiserver.storage.memory import MemoryStorage
from kubeclient.notify import notify_ready
from kubeclient.process import log_to_stderr


def make_storage(options: Options) -> Storage:
    if not options.etcd_servers:
        return MemoryStorage()
    ca, certificate, key = (Path(path).read_bytes() if path else None
                            for path in (options.etcd_cafile, options.etcd_certfile, options.etcd_keyfile))
    return EtcdStorage(EtcdConfig(options.etcd_servers, ca, certificate, key))


async def run(options: Options) -> None:
    storage = make_storage(options)
    app = Application(options, storage)
    server = make_server(app, options)

    async def tell_when_ready() -> None:
        await app.wait_ready()
        notify_ready()

    async with app.running(), asyncio.TaskGroup() as group:
        telling = group.create_task(tell_when_ready())
        try:
            await server.serve()
        finally:
            telling.cancel()
    await storage.close()


def raise_file_limit() -> None:
    """Every watch is an open file, and a login shell's limit is 1024 of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if argv is None else argv)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False     # of no use here, and asked for per line
    log_to_stderr(options.verbosity)
    raise_file_limit()
    try:
        uvloop.run(run(options))
    except (UnknownPlugin, TokenFileError, OSError, ValueError) as error:
        print(f"apiserver: {error}", file=sys.stderr)
        return 1
    return 0

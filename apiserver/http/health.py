"""Health, version and metrics: FastAPI's pages."""
from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from apiserver.auth.serviceaccounts import ServiceAccountTokens
from apiserver.bootstrap.keeper import Keeper
from apiserver.cacher import WatchHub
from apiserver.discovery import DiscoveryEndpoints
from apiserver.storage.interface import StorageError
from kubeapi.errors import ApiStatusError, NotFound
from kubeapi.release import GIT_VERSION

CHECK_SECONDS = 4.0
CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"
Check = Callable[[], Awaitable[str]]


class Health:
    """Named checks; each answers "" or what is wrong."""

    def __init__(self, hub: WatchHub, keeper: Keeper) -> None:
        self._hub, self._keeper = hub, keeper
        self.requests: Counter[tuple[str, int]] = Counter()
        self.checks: dict[str, Check] = {"ping": self._ping, "etcd": self._etcd, "informer-sync": self._informers,
                                         "poststarthook/bootstrap": self._bootstrap}

    def count(self, method: str, code: int) -> None:
        self.requests[method, code] += 1

    async def _ping(self) -> str:
        return ""

    async def _etcd(self) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._hub.wait_until_current()
        except (StorageError, ApiStatusError, TimeoutError) as error:
            return f"etcd does not answer: {error}" if str(error) else "etcd does not answer in time"
        return ""

    async def _informers(self) -> str:
        return "" if self._hub.clock.revision else "the watch cache is not filled yet"

    async def _bootstrap(self) -> str:
        return "" if self._keeper.is_ready else "the system's objects are not there yet"


def add_pages(app: FastAPI, health: Health, discovery: DiscoveryEndpoints, tokens: ServiceAccountTokens, port: int) -> None:
    """What none of them serves is answered with the paths that there are."""
    groups = {"livez": ["ping"], "healthz": ["ping", "etcd"], "readyz": list(health.checks)}
    for name, names in groups.items():
        _add_checks(app, health, name, names)
    _add_facts(app, health)
    _add_keys(app, tokens, port)
    paths = sorted([*discovery.paths(), KEYS, CONFIGURATION, "/version", "/metrics", *(f"/{name}" for name in groups),
                    *(f"/{name}/{check}" for name in groups for check in health.checks)])

    @app.get("/")
    async def index() -> dict[str, list[str]]:
        return {"paths": paths}

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
    async def nothing_here(path: str) -> Response:
        if path.split("/")[0] in ("api", "apis"):
            return _not_found()
        return JSONResponse({"paths": paths}, 404)


def _not_found() -> Response:
    return JSONResponse(NotFound("the server could not find the requested resource").status, 404)


def _add_checks(app: FastAPI, health: Health, name: str, names: list[str]) -> None:
    """/NAME for all of them but those that the query excludes, /NAME/CHECK for any one."""
    async def answer(names: list[str], verbose: bool) -> Response:
        results = {check: await health.checks[check]() for check in names}
        lines = [f"[+]{check} ok" if not wrong else f"[-]{check} failed: {wrong}" for check, wrong in results.items()]
        if any(results.values()):
            return PlainTextResponse("\n".join([*lines, f"{name} check failed", ""]), 503)
        return PlainTextResponse("\n".join([*lines, f"{name} check passed", ""]) if verbose else "ok")

    @app.get(f"/{name}")
    async def all_of_them(request: Request) -> Response:
        excluded = request.query_params.getlist("exclude")
        return await answer([one for one in names if one not in excluded], "verbose" in request.query_params)

    @app.get(f"/{name}/{{check:path}}")
    async def one_of_them(check: str) -> Response:
        return await answer([check], False) if check in health.checks else _not_found()


def _add_facts(app: FastAPI, health: Health) -> None:
    @app.get("/version")
    @app.get("/version/")      # what OpenAPI names, and with it the clients made from that
    async def version() -> dict[str, str]:
        major, minor, _ = GIT_VERSION.lstrip("v").split(".", 2)
        return {"major": major, "minor": minor, "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "clean", "buildDate": "",
                "goVersion": "", "compiler": "python", "platform": "linux/amd64"}

    @app.get("/metrics")
    async def metrics() -> Response:
        lines = ["# HELP apiserver_request_total Requests by method and code.", "# TYPE apiserver_request_total counter"]
        lines += [f'apiserver_request_total{{verb="{method}",code="{code}"}} {count}'
                  for (method, code), count in sorted(health.requests.items())]
        return PlainTextResponse("\n".join([*lines, ""]), media_type="text/plain; version=0.0.4")


def _add_keys(app: FastAPI, tokens: ServiceAccountTokens, port: int) -> None:
    """By which others verify the tokens of ServiceAccounts."""
    @app.get(CONFIGURATION)
    async def openid_configuration(request: Request) -> dict[str, object]:
        return tokens.configuration(f"https://{request.headers.get('host') or f'localhost:{port}'}{KEYS}")

    @app.get(KEYS)
    async def jwks() -> Response:
        return JSONResponse(tokens.jwks(), media_type="application/jwk-set+json")

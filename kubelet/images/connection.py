"""Requests to one registry in one image's name: challenges, tokens, redirects, and what may not be told to whom.

Credentials go to the endpoint itself and to where it asks tokens to be fetched, never along a redirect to somebody else, and
whoever a redirect leads to can ask for none. Nothing is waited for without end.
"""
from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import httpx

from kubelet.cri import CriError, RegistryAuth
from kubelet.images.hosts import Endpoint
from kubelet.images.manifests import Malformed, parsed
from kubelet.images.names import Reference

CONNECT_SECONDS = 15.0
PATIENCE_SECONDS = 60.0               # for an answer, and for each CHUNK of one
CHUNK = 1 << 16
CONNECTIONS = 8
MOST_REDIRECTS = 5
MOST_TOKEN = 1 << 20
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class Denied(CriError):
    """The next credential may fare better."""


class Interrupted(CriError):
    """The connection broke or stalled: the same again may succeed."""


class Connection:
    """`auth` None: anonymous."""

    def __init__(self, reference: Reference, auth: RegistryAuth | None, endpoint: Endpoint, patience: float = PATIENCE_SECONDS) -> None:
        self._reference, self._auth, self._endpoint, self._patience = reference, auth, endpoint, patience
        self._client = httpx.AsyncClient(
            verify=endpoint.verification(), timeout=httpx.Timeout(patience, connect=min(patience, CONNECT_SECONDS)),
            limits=httpx.Limits(max_connections=CONNECTIONS))
        self._base = httpx.URL(f"{endpoint.url}/{reference.path}/")
        self._authorization = f"Bearer {auth.registry_token}" if auth and auth.registry_token else ""

    async def aclose(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def get(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """Its status is for the caller to judge; its body is still to come."""
        with self.faults():
            async with asyncio.timeout(self._patience * MOST_REDIRECTS):
                response = await self._asked(path, headers)
        try:
            yield response
        finally:
            await response.aclose()

    async def chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """CHUNK bytes each within its time: who drips may not hold a pull for days."""
        parts = response.aiter_raw(CHUNK)
        while True:
            with self.faults():
                async with asyncio.timeout(self._patience):
                    part = await anext(parts, b"")
            if not part:
                return
            yield part

    async def _asked(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        response = await self._send(path, headers)
        # A challenge from where a redirect led is no challenge of this registry's.
        if response.status_code != 401 or not _is_same(response.url, self._base):
            return response
        challenge = response.headers.get("www-authenticate", "")
        await response.aclose()
        self._authorization = await self._answer(challenge)
        return await self._send(path, headers)

    async def _send(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        own = {**self._endpoint.headers, **({"Authorization": self._authorization} if self._authorization else {})}
        url = self._base.join(path)
        if self._endpoint.namespace:
            url = url.copy_merge_params({"ns": self._endpoint.namespace})
        return await self._follow(url, headers, own)

    async def _follow(self, url: httpx.URL, headers: Mapping[str, str], private: Mapping[str, str]) -> httpx.Response:
        """`private` is told nobody but the first host."""
        origin, sent = url, {"Accept-Encoding": "identity", **headers, **private}
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._client.send(self._client.build_request("GET", url, headers=sent), stream=True)
            if not response.has_redirect_location:
                return response
            await response.aclose()
            target = url.join(response.headers["location"])
            if target.scheme not in ("http", "https") or not target.host or (url.scheme == "https" and target.scheme != "https"):
                raise self.fault(f"the registry redirects from {url.scheme} to {target.scheme}, which is not followed")
            if not _is_same(target, origin):
                sent = {"Accept-Encoding": "identity", **headers}
            url = target
        raise self.fault(f"the registry redirects more than {MOST_REDIRECTS} times")

    # --- credentials

    async def _answer(self, challenge: str) -> str:
        """The Authorization header that a challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            user, password = self._credentials()
            if not user:
                raise self.denied()
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if scheme.lower() == "bearer":
            return f"Bearer {await self._token(dict(PARAMETER.findall(rest)))}"
        raise self.denied()

    async def _token(self, asked: Mapping[str, str]) -> str:
        realm = httpx.URL(asked.get("realm", ""))
        # In plain text only where the registry itself is spoken to so, and to no other machine.
        is_plain = realm.scheme == "http" and self._endpoint.is_plain and realm.host == self._base.host
        if not realm.host or (realm.scheme != "https" and not is_plain):
            raise self.fault(f"the registry names {asked.get('realm', '')!r} for tokens, which is not https")
        query = {"scope": asked.get("scope") or f"repository:{self._reference.path}:pull"}
        if "service" in asked:
            query["service"] = asked["service"]
        user, password = self._credentials()
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        response = await self._follow(realm.copy_merge_params(query), {}, {"Authorization": f"Basic {basic}"} if user else {})
        try:
            if response.status_code in (401, 403):
                raise self.denied()
            if response.status_code != 200:
                raise self.fault(f"the token server {realm.host} answers {response.status_code} {response.reason_phrase}")
            return self._token_of(await self.whole(response, MOST_TOKEN, "the token server's answer"))
        finally:
            await response.aclose()

    def _token_of(self, data: bytes) -> str:
        try:
            document = parsed(data)
        except Malformed as error:
            raise self.fault(f"the token server's answer cannot be used: {error}") from error
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise self.denied()
        return token

    async def whole(self, response: httpx.Response, most: int, what: str) -> bytes:
        """Within the time of one chunk: documents are small."""
        data = bytearray()
        with self.faults():
            async with asyncio.timeout(self._patience):
                async for part in response.aiter_raw(CHUNK):
                    data += part
                    if len(data) > most:
                        raise self.fault(f"{what} is larger than {most} bytes")
        return bytes(data)

    def _credentials(self) -> tuple[str, str]:
        if self._auth is None:
            return "", ""
        if self._auth.auth and not self._auth.username:
            with suppress(ValueError):
                user, _, password = base64.b64decode(self._auth.auth).decode().partition(":")
                return user, password.rstrip("\0")
        return self._auth.username, self._auth.password

    # --- faults

    def fault(self, message: str) -> CriError:
        return CriError("ErrImagePull", f'failed to pull image "{self._reference}": {message}')

    def denied(self) -> CriError:
        return Denied("ErrImagePull", f'failed to pull image "{self._reference}": pull access denied, repository does not exist or '
                      "may require authorization: authorization failed")

    def faults(self) -> _Faults:
        return _Faults(self)

    def interrupted(self, error: BaseException) -> CriError:
        """In words for whoever wrote the pod."""
        host = self._endpoint.host
        if isinstance(error, httpx.InvalidURL):
            return self.fault(f"the registry {host} names an address that is none: {error}")
        if isinstance(error, TimeoutError | httpx.ReadTimeout | httpx.WriteTimeout | httpx.PoolTimeout):
            return Interrupted("ErrImagePull", self.fault(f"the registry {host} does not answer in time").message)
        words = str(error) or type(error).__name__
        return Interrupted("ErrImagePull", self.fault(f"the registry {host} cannot be reached: {words}").message)


class _Faults:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError | OSError):
            raise self._connection.interrupted(error) from error


def _is_same(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)

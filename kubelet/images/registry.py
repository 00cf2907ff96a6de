"""Reads from a registry: manifests and blobs, with anonymous or given credentials (the OCI distribution protocol).

Where that is, and how its certificate is verified, an Endpoint says. What arrives is checked against its digest by whoever
reads it: manifests and configurations here, layers while they are unpacked.
"""
from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from kubelet.cri import CriError, RegistryAuth
from kubelet.images.hosts import Endpoint
from kubelet.images.names import Reference

INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST_TYPES = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
CONNECT_SECONDS, READ_SECONDS = 15.0, 60.0
CONNECTIONS = 8
MOST_DOCUMENT = 8 << 20
CHUNK = 1 << 18
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    """One repository at one endpoint, asked with one credential (None: anonymously)."""

    def __init__(self, reference: Reference, auth: RegistryAuth | None, endpoint: Endpoint) -> None:
        self._reference, self._auth, self._endpoint = reference, auth, endpoint
        self._client = httpx.AsyncClient(
            base_url=f"{endpoint.url}/{reference.path}/", follow_redirects=True, headers=dict(endpoint.headers),
            verify=endpoint.verification(), params={"ns": endpoint.namespace} if endpoint.namespace else None,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS), limits=httpx.Limits(max_connections=CONNECTIONS))
        self._authorization = f"Bearer {auth.registry_token}" if auth and auth.registry_token else ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.aclose()

    async def manifest(self, wanted: str) -> tuple[str, dict[str, Any]]:
        """(digest, document) of a tag or a digest."""
        headers = {"Accept": ", ".join(INDEX_TYPES + MANIFEST_TYPES)}
        data, answered = await self._document(f"manifests/{wanted}", headers)
        digest = digest_of(data)
        for expected in (wanted if wanted.startswith("sha256:") else "", answered):
            if expected and expected.startswith("sha256:") and expected != digest:
                raise self._fault(f"the manifest's digest is {digest}, not {expected}")
        return digest, self._parsed(data)

    async def configuration(self, digest: str) -> tuple[str, dict[str, Any]]:
        data, _ = await self._document(f"blobs/{digest}", {})
        if digest_of(data) != digest:
            raise self._fault(f"the configuration's digest is {digest_of(data)}, not {digest}")
        return digest, self._parsed(data)

    async def blob(self, digest: str) -> AsyncIterator[bytes]:
        """As it is stored, unchecked."""
        async with self._connection_faults():
            response = await self._get(f"blobs/{digest}", {"Accept-Encoding": "identity"})
            try:
                self._check(response)
                async for chunk in response.aiter_raw(CHUNK):
                    yield chunk
            finally:
                await response.aclose()

    async def _document(self, path: str, headers: Mapping[str, str]) -> tuple[bytes, str]:
        async with self._connection_faults():
            response = await self._get(path, headers)
            try:
                self._check(response)
                data = bytearray()
                async for chunk in response.aiter_bytes(CHUNK):
                    data += chunk
                    if len(data) > MOST_DOCUMENT:
                        raise self._fault(f"{path} is larger than {MOST_DOCUMENT} bytes")
            finally:
                await response.aclose()
        return bytes(data), response.headers.get("docker-content-digest", "")

    def _parsed(self, data: bytes) -> dict[str, Any]:
        try:
            document = json.loads(data)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise self._fault("the registry's answer is no JSON document")
        return document

    async def _get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        response = await self._send(path, headers)
        if response.status_code == 401:
            challenge = response.headers.get("www-authenticate", "")
            await response.aclose()
            self._authorization = await self._answer(challenge)
            response = await self._send(path, headers)
        return response

    async def _send(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        sent = {**headers, **({"Authorization": self._authorization} if self._authorization else {})}
        return await self._client.send(self._client.build_request("GET", path, headers=sent), stream=True)

    # --- credentials

    async def _answer(self, challenge: str) -> str:
        """The Authorization header that a challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            user, password = self._credentials()
            if not user:
                raise self._denied()
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if scheme.lower() == "bearer":
            return f"Bearer {await self._token(dict(PARAMETER.findall(rest)))}"
        raise self._denied()

    async def _token(self, asked: Mapping[str, str]) -> str:
        realm = urlsplit(asked.get("realm", ""))
        if realm.scheme != "https" and not (realm.scheme == "http" and self._endpoint.is_plain):
            raise self._fault(f"the registry names {asked.get('realm', '')!r} for tokens, which is not https")
        query = {"scope": asked.get("scope") or f"repository:{self._reference.path}:pull"}
        if "service" in asked:
            query["service"] = asked["service"]
        user, password = self._credentials()
        response = await self._client.get(asked["realm"], params=query, auth=(user, password) if user else None)
        if response.status_code != 200:
            raise self._denied()
        document = self._parsed(response.content)
        token = document.get("token") or document.get("access_token")
        if not token:
            raise self._denied()
        return str(token)

    def _credentials(self) -> tuple[str, str]:
        if self._auth is None:
            return "", ""
        if self._auth.auth and not self._auth.username:
            with suppress(ValueError):
                user, _, password = base64.b64decode(self._auth.auth).decode().partition(":")
                return user, password.rstrip("\0")
        return self._auth.username, self._auth.password

    # --- faults

    def _check(self, response: httpx.Response) -> None:
        if response.status_code == 404:
            raise self._fault("not found")
        if response.status_code in (401, 403):
            raise self._denied()
        if response.status_code == 429:
            raise self._fault("the registry's rate limit is exceeded (429 Too Many Requests)")
        if response.status_code != 200:
            raise self._fault(f"unexpected status from GET request to {response.url}: {response.status_code} {response.reason_phrase}")

    def _fault(self, message: str) -> CriError:
        return CriError("ErrImagePull", f'failed to pull image "{self._reference}": {message}')

    def _denied(self) -> CriError:
        return Denied("ErrImagePull", f'failed to pull image "{self._reference}": pull access denied, repository does not exist or '
                      "may require authorization: authorization failed")

    def _connection_faults(self) -> _ConnectionFaults:
        return _ConnectionFaults(self._reference, self._endpoint)


class Denied(CriError):
    """The next credential may fare better."""


class Interrupted(CriError):
    """The connection broke: the same again may succeed."""


class _ConnectionFaults:
    def __init__(self, reference: Reference, endpoint: Endpoint) -> None:
        self._reference, self._endpoint = reference, endpoint

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, (httpx.HTTPError, OSError)) and not isinstance(error, asyncio.CancelledError):
            words = str(error) or type(error).__name__
            raise Interrupted("ErrImagePull", f'failed to pull image "{self._reference}": the registry {self._endpoint.host} '
                              f"cannot be reached: {words}") from error


def layers_of(manifest: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return list(manifest.get("layers") or ())

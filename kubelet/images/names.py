"""Image names: [REGISTRY/]PATH[:TAG][@DIGEST], with Docker's defaults (docker.io, library/, latest)."""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from kubelet.cri import CriError

DEFAULT_REGISTRY = "docker.io"
# Docker Hub's name is not the host that serves it.
HOSTS = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_REGISTRY = re.compile(r"(?:[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LONGEST_PATH = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """`tag` is empty only where a digest is given without one."""

    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        return f"{self.registry}/{self.path}"

    @property
    def host(self) -> str:
        return HOSTS.get(self.registry, self.registry)

    @property
    def tagged(self) -> str:
        """The name an image of this tag goes by; "" where there is no tag."""
        return f"{self.repository}:{self.tag}" if self.tag else ""

    @property
    def wanted(self) -> str:
        """What to ask the registry for: the digest where there is one."""
        return self.digest or self.tag

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def with_digest(self, digest: str) -> str:
        return f"{self.repository}@{digest}"


def is_image_id(name: str) -> bool:
    return bool(re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", name))


@lru_cache(4096)
def parse(name: str) -> Reference:
    rest, _, digest = name.partition("@")
    if "@" in name and not _DIGEST.fullmatch(digest):
        raise _invalid(name, "invalid digest format")
    registry, path = _split_registry(rest)
    path, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _invalid(name)
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    if not _PATH.fullmatch(path):
        raise _invalid(name, "repository name must be lowercase" if _PATH.fullmatch(path.lower()) else "")
    if not _REGISTRY.fullmatch(registry):
        raise _invalid(name)
    if len(path) > LONGEST_PATH:
        raise _invalid(name, f"repository name must not be more than {LONGEST_PATH} characters")
    return Reference(registry, path, tag or ("" if digest else "latest"), digest)


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return ("docker.io" if first == "index.docker.io" else first), rest
    return DEFAULT_REGISTRY, name


def _invalid(name: str, why: str = "") -> CriError:
    detail = f": {why}" if why else ""
    return CriError("InvalidImageName", f'couldn\'t parse image name "{name}": invalid reference format{detail}')

"""What is told in `Warning` headers of a write that is allowed but hardly meant. Pure."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeapi.kinds.podwarnings import pod_warnings
from kubeapi.resource import Resource

Document = dict[str, Any]


def warnings_of(resource: Resource, new: Document, old: Document | None) -> Iterator[str]:
    """Of a template again when something that counts has changed beside it; of a pod always (as upstream)."""
    yield from resource.strategy().warnings(new, old)
    if old is None or resource.plural == "pods" or new["metadata"].get("generation") != old["metadata"].get("generation"):
        yield from pod_warnings(resource.group, resource.plural, new)

"""What a path asks for, and that what was encoded twice stays encoded once."""
from __future__ import annotations

import pytest

from apiserver.http.requestinfo import parse


@pytest.mark.parametrize(("path", "namespace", "name"), [
    pytest.param("/api/v1/namespaces/a%2Fpods%2Fb/pods/c", "a%2Fpods%2Fb", "c", id="a slash in the namespace"),
    pytest.param("/api/v1/namespaces/a/pods/%2E%2E", "a", "%2E%2E", id="dots in the name"),
])
def test_a_path_is_decoded_once(path: str, namespace: str, name: str) -> None:
    """The server decoded it already; who authorizes and who reads must see the same parts."""
    info = parse("GET", path, b"")
    assert info is not None
    assert (info.namespace, info.name) == (namespace, name)

from __future__ import annotations

import pytest

from apiserver.storage.etcd import _translated
from apiserver.storage.interface import TooLarge
from kubeclient.channel import Code, RpcError


@pytest.mark.parametrize("error", [
    RpcError(Code.RESOURCE_EXHAUSTED, "grpc: received message larger than max (11819626 vs. 8912896)"),
    RpcError(Code.INVALID_ARGUMENT, "etcdserver: request is too large"),
], ids=["by gRPC", "by etcd"])
def test_what_etcd_does_not_take_is_too_large(error: RpcError) -> None:
    """An object of 3 MiB whose defaults make it eight was answered with 500."""
    assert isinstance(_translated(error), TooLarge)

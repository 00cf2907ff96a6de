"""AlwaysPullImages, where it is enabled: every image of a new pod, and of an update that brings another."""
from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apiserver.admission.always_pull_images import AlwaysPullImages
from apiserver.registry.attributes import Attributes
from kubeapi.catalog import by_plural
from kubeapi.errors import ApiStatusError


def attributes(spec: dict[str, Any], old: dict[str, Any] | None = None, subresource: str = "") -> Attributes:
    return Attributes("UPDATE" if old else "CREATE", by_plural("", "pods"), "ns", "p", subresource, {"metadata": {"name": "p"}, "spec": spec},
                      {"metadata": {"name": "p"}, "spec": old} if old else None)


def container(image: str = "a:1", policy: str = "IfNotPresent") -> dict[str, str]:
    return {"name": "c", "image": image, "imagePullPolicy": policy}


def admitted(**arguments: Any) -> dict[str, Any]:
    found = attributes(**arguments)
    asyncio.run(AlwaysPullImages().admit(found))
    asyncio.run(AlwaysPullImages().validate(found))
    assert found.obj is not None
    return dict(found.obj["spec"])


def test_every_image_of_a_new_pod() -> None:
    spec = {"initContainers": [container(policy="Never")], "containers": [container(), {"name": "d", "image": "b"}],
            "volumes": [{"name": "v", "image": {"reference": "c:1", "pullPolicy": "Never"}}, {"name": "w", "emptyDir": {}}]}
    found = admitted(spec=spec)
    assert [one["imagePullPolicy"] for one in (*found["initContainers"], *found["containers"])] == ["Always"] * 3
    assert found["volumes"][0]["image"]["pullPolicy"] == "Always" and found["volumes"][1] == {"name": "w", "emptyDir": {}}


@pytest.mark.parametrize(("image", "subresource", "policy"), [
    pytest.param("a:1", "", "IfNotPresent", id="no-new-image"),
    pytest.param("a:2", "", "Always", id="new-image"),
    pytest.param("a:2", "status", "IfNotPresent", id="status"),
])
def test_updates(image: str, subresource: str, policy: str) -> None:
    spec = admitted(spec={"containers": [container(image)]}, old={"containers": [container()]}, subresource=subresource)
    assert spec["containers"][0]["imagePullPolicy"] == policy


def test_what_a_later_plugin_changes_back_is_refused() -> None:
    with pytest.raises(ApiStatusError, match=r'spec.containers\[0\].imagePullPolicy: Unsupported value: "Never": supported values: "Always"'):
        asyncio.run(AlwaysPullImages().validate(attributes({"containers": [container(policy="Never")]})))

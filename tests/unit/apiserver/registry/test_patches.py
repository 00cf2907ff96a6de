from __future__ import annotations

from collections.abc import Set
from typing import Any

import pytest

from apiserver.registry.patches import JSON, MERGE, STRATEGIC, touched_by


@pytest.mark.parametrize(("media", "body", "touched"), [
    pytest.param(MERGE, {"status": {}, "metadata": None}, {"status", "metadata"}, id="fields it names"),
    pytest.param(STRATEGIC, {"spec": {"$patch": "replace"}}, {"spec"}, id="a directive below"),
    pytest.param(STRATEGIC, {"$patch": "replace", "spec": {}}, None, id="a directive for the whole"),
    pytest.param(STRATEGIC, {"$retainKeys": ["spec"]}, None, id="one that removes others"),
    pytest.param(JSON, [{"op": "remove", "path": "/spec"}], None, id="a JSON patch"),
])
def test_what_a_patch_may_change(media: str, body: Any, touched: Set[str] | None) -> None:
    assert touched_by(media, body) == touched

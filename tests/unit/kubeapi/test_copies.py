from __future__ import annotations

from typing import Any

import pytest

from kubeapi.copies import fresh


@pytest.mark.parametrize("document", [
    {"a": [{"b": None, "c": "ä\n"}], "d": -1.5, "e": True}, {"too large": 2**70}, {"half a character": "\ud800"}, [], None])
def test_a_copy_is_equal_and_shares_nothing(document: Any) -> None:
    assert fresh(document) == document
    copied = fresh(holder := {"inner": document})
    assert copied == holder
    assert copied["inner"] is not document or not isinstance(document, dict | list)

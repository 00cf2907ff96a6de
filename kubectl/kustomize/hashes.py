"""The suffix that tells a ConfigMap's or Secret's content by its name."""
from __future__ import annotations

import hashlib

from kubectl import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

# No vowels and nothing that looks like one, so that no words come out.
_LETTERS = str.maketrans("013ae", "ghkmt")


def suffix(document: Document) -> str:
    """Ten letters that depend on kind, name and data. Raises ValueError for other kinds."""
    kind = document["kind"]
    about = {"kind": kind, "name": document["metadata"]["name"], "data": document.get("data") or ""}
    if kind == "ConfigMap":
        if document.get("binaryData"):
            about["binaryData"] = document["binaryData"]
    elif kind == "Secret":
        about["type"] = document.get("type", "")
        if document.get("stringData"):
            about["stringData"] = document["stringData"]
    else:
        raise ValueError(f"type {kind} has no hash")
    return hashlib.sha256(jsontext.compact(about).encode()).hexdigest()[:10].translate(_LETTERS)

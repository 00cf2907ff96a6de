"""The annotation in which `apply` keeps what it was given last: the base of the three-way merge."""
from __future__ import annotations

import json

from kubectl import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


def bare(document: Document) -> Document:
    """A copy of *document* without the annotation."""
    metadata = dict(document.get("metadata") or {})
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != ANNOTATION}
    return {**document, "metadata": {**metadata, "annotations": annotations}}


def annotate(document: Document) -> Document:
    """A copy of *document* that carries itself in the annotation."""
    plain = bare(document)
    metadata = plain["metadata"]
    return {**plain, "metadata": {**metadata, "annotations": {**metadata["annotations"], ANNOTATION: jsontext.compact(plain) + "\n"}}}


def of(document: Document) -> Document | None:
    """What was applied last; None where the object was not made by apply."""
    text = ((document.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    if not text:
        return None
    last: Document = json.loads(text)
    return last

"""The annotation in which `apply` keeps what it was given last: the base of the three-way merge."""
from __future__ import annotations

import json

from kubectl import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


def annotate(document: Document) -> Document:
    """A copy of *document* that carries itself in the annotation."""
    metadata = dict(document.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(ANNOTATION, None)
    bare = {**document, "metadata": {**metadata, "annotations": annotations}}
    text = jsontext.compact(bare) + "\n"
    return {**bare, "metadata": {**metadata, "annotations": {**annotations, ANNOTATION: text}}}


def of(document: Document) -> Document | None:
    """What was applied last; None where the object was not made by apply."""
    text = ((document.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    if not text:
        return None
    last: Document = json.loads(text)
    return last

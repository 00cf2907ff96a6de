"""The patch types, by their media type: how each makes a new document out of the stored one."""
from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from kubeapi import errors
from kubeapi.copies import fresh
from kubeapi.patch import jsonpatch, mergepatch, strategic
from kubeapi.schema import Schema

Document = dict[str, Any]
Patch = Callable[[Document], Document]
JSON, MERGE, STRATEGIC = "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
SUPPORTED = (JSON, MERGE, STRATEGIC, APPLY)


def patch_of(media_type: str, body: Any, schema: Schema, kind: str, group: str, name: str) -> Patch:
    """A function of (a copy of) the stored document, called as often as others write in between. Raises BadRequest and UnsupportedMediaType."""
    if media_type == JSON:
        if not isinstance(body, list):
            raise errors.BadRequest("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
        return _with_errors(lambda document: jsonpatch.apply(document, body), kind, group, name)
    if not isinstance(body, dict):
        raise errors.BadRequest("error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}")
    if media_type == MERGE:
        return lambda document: mergepatch.apply(document, fresh(body))
    if media_type == STRATEGIC:
        return _with_errors(lambda document: strategic.apply(document, fresh(body), schema), kind, group, name)
    raise unsupported()


def touched_by(media_type: str, body: Any) -> Set[str] | None:
    """The fields of the whole object under which a patch may change something; None: any."""
    if media_type == JSON or not isinstance(body, dict) or any(name.startswith("$") for name in body):
        return None
    return body.keys()


def unsupported() -> errors.UnsupportedMediaType:
    return errors.UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: " + ", ".join(SUPPORTED))


def _with_errors(patch: Patch, kind: str, group: str, name: str) -> Patch:
    def apply(document: Document) -> Document:
        try:
            return patch(document)
        except jsonpatch.TestFailed as error:
            raise errors.Invalid(f'{errors.qualified(kind, group)} "{name}" is invalid: {error}',
                                 details={"name": name, "group": group, "kind": kind}) from error
        except jsonpatch.PatchError as error:
            raise errors.Invalid(
                f"the server rejected our request due to an error in our request: {error}") from error
    return apply

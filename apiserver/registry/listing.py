"""What a list or watch asks for: selectors, resourceVersion rules and continue tokens. Pure."""
from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from apiserver.cacher import Selection
from kubeapi import errors, fielderrors, fields, labels
from kubeapi.resource import Resource

_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
LATEST = -1                                 # of a continue token: go on in what is newest then
MOST_DIGITS, LARGEST = 20, 2 ** 63 - 1      # of an int64


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The query of a list or watch. `resource_version` None: not given."""

    label_selector: labels.Selector
    field_selector: fields.Selector
    limit: int = 0
    continue_token: str = ""
    resource_version: int | None = None
    match: str = ""                          # resourceVersionMatch
    timeout_seconds: int | None = None
    bookmarks: bool = False
    send_initial_events: bool | None = None

    def selection(self, namespace: str, name: str = "") -> Selection:
        return _selection(self.label_selector, self.field_selector, namespace, name)


@lru_cache(1024)            # equal ones are the same one: watchers of one selection share the lines that are made for it
def _selection(by_label: labels.Selector, by_field: fields.Selector, namespace: str, name: str) -> Selection:
    if not by_label.requirements and not by_field.requirements:
        return Selection(namespace, name)
    node = by_field.exact("spec.nodeName")
    return Selection(namespace, name or by_field.exact("metadata.name") or "",
                     lambda labels, fields: by_label.matches(labels) and by_field.matches(lambda path: fields.get(path, "")),
                     ("spec.nodeName", node) if node is not None else None)


def parse(query: Mapping[str, str], resource: Resource, is_watch: bool) -> ListOptions:
    """Raises BadRequest and Invalid in upstream's words."""
    try:
        by_label = labels.parse(query.get("labelSelector", ""))
        by_field = fields.parse(query.get("fieldSelector", ""))
        by_field.check({"metadata.name", "metadata.namespace", *resource.selectable_fields})
    except (labels.SelectorError, fields.FieldSelectorError) as error:
        raise errors.BadRequest(str(error)) from error
    initial = query.get("sendInitialEvents")
    options = ListOptions(
        by_label, by_field, limit=_number(query, "limit"), continue_token=query.get("continue", ""),
        resource_version=_resource_version(query.get("resourceVersion", "")), match=query.get("resourceVersionMatch", ""),
        timeout_seconds=_number(query, "timeoutSeconds") or None, bookmarks=is_true(query.get("allowWatchBookmarks", "")),
        send_initial_events=is_true(initial) if initial is not None else None)
    _check(options, resource, is_watch)
    return options


def is_true(text: str) -> bool:
    return text.lower() in ("1", "t", "true")


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "") or "0"
    if _INTEGER.fullmatch(text) is None:
        raise errors.BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if len(text) > MOST_DIGITS or not -LARGEST <= int(text) <= LARGEST:
        raise errors.BadRequest(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


def _resource_version(text: str) -> int | None:
    if not text:
        return None
    is_number = text.isascii() and text.isdigit()
    if not is_number or len(text) > MOST_DIGITS or int(text) > LARGEST:
        fault = "value out of range" if is_number else "invalid syntax"
        raise errors.invalid("ListOptions", "meta.k8s.io", "", [fielderrors.invalid("resourceVersion", text, "strconv.ParseUint: parsing "
                                                                                   f'"{text}": {fault}')])
    return int(text)


def _check(options: ListOptions, resource: Resource, is_watch: bool) -> None:
    faults = []
    if options.match and options.match not in ("Exact", "NotOlderThan"):
        faults.append(fielderrors.not_supported("resourceVersionMatch", options.match, ["Exact", "NotOlderThan"]))
    elif is_watch:
        if options.send_initial_events is not None and options.match != "NotOlderThan":
            faults.append(fielderrors.forbidden("resourceVersionMatch",
                                                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
        elif options.send_initial_events is None and options.match:
            faults.append(fielderrors.forbidden("resourceVersionMatch",
                                                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
    elif options.send_initial_events is not None:
        faults.append(fielderrors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    elif options.match and options.resource_version is None:
        faults.append(fielderrors.forbidden("resourceVersionMatch",
                                            "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    elif options.match == "Exact" and options.resource_version == 0:
        faults.append(fielderrors.forbidden("resourceVersionMatch",
                                            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    elif options.continue_token and options.resource_version:
        raise errors.BadRequest("specifying resource version is not allowed when using continue")
    if faults:
        raise errors.invalid("ListOptions", "meta.k8s.io", "", faults)


def encode_continue(revision: int, start: str) -> str:
    """Upstream's token: opaque to clients, but its parts are the same."""
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def decode_continue(token: str) -> tuple[int, str]:
    """(revision or LATEST, start). The start stays below the resource's prefix: what joins them decides. Raises BadRequest."""
    try:
        decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, start = decoded["rv"], decoded["start"]
        if decoded["v"] != "meta.k8s.io/v1" or not isinstance(revision, int) or not isinstance(start, str) or ".." in start.split("/"):
            raise ValueError(token)
        if revision != LATEST and not 0 < revision <= LARGEST:
            raise ValueError(token)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise errors.BadRequest("continue key is not valid: illegal base64 or unknown version") from None
    return revision, start



def expired(options: ListOptions) -> errors.Expired:
    """Of a list whose state is no more. Who has read a part of it may read the rest as it is now."""
    if not options.continue_token:
        return errors.Expired("The resourceVersion for the provided list is too old.")
    _, start = decode_continue(options.continue_token)
    found = errors.Expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, "
        "or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an "
        "inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.")
    found.status["metadata"] = {"continue": encode_continue(LATEST, start)}
    return found

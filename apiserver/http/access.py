"""What a request wants to do, for those who decide whether it may."""
from __future__ import annotations

from apiserver.auth.access import Access
from apiserver.auth.user import User
from apiserver.http.requestinfo import RequestInfo
from kubeapi import fields

SELECTING = frozenset({"list", "watch", "deletecollection"})


def access_of(user: User, info: RequestInfo | None, method: str, path: str) -> Access:
    """`info`: None where the path names no resource."""
    if info is None:
        return Access(user, method.lower(), path=path)
    namespace, name, selector = info.namespace, info.name, fields.EVERYTHING
    if info.resource == "namespaces" and not info.group and not namespace:
        namespace = name                        # a namespace is in itself: who may everything in it may read it
    if info.verb in SELECTING and (text := info.query.get("fieldSelector", "")):
        selector = _parsed(text)
        name = name or selector.exact("metadata.name") or ""
    return Access(user, info.verb, info.group, info.resource, info.subresource, namespace, name, fields=selector)


def _parsed(text: str) -> fields.Selector:
    try:
        return fields.parse(text)
    except fields.FieldSelectorError:
        return fields.EVERYTHING                # who may read it is told what is wrong with it

"""What somebody wants to do, what an authorizer says of it, and how a refusal reads."""
from __future__ import annotations

from typing import NamedTuple, Protocol

from apiserver.auth.user import User
from kubeapi import errors
from kubeapi.fields import EVERYTHING, Selector

MASTERS = "system:masters"
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Access(NamedTuple):
    """A verb on a resource, or (with a path) on something that is none."""

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str | None = None
    fields: Selector = EVERYTHING           # the field selector of a list, watch or deletecollection

    @property
    def combined(self) -> str:
        """`pods/log`"""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Verdict(NamedTuple):
    """`allowed` is None where an authorizer has no opinion: the next one is asked."""

    allowed: bool | None
    reason: str = ""


ALLOWED, NO_OPINION = Verdict(True), Verdict(None)


class Rules(NamedTuple):
    """What a user may do in a namespace, as far as an authorizer can tell: documents of rules."""

    resource: tuple[dict[str, list[str]], ...] = ()
    non_resource: tuple[dict[str, list[str]], ...] = ()
    incomplete: str = ""                    # why not all of them are known


class Authorizer(Protocol):
    def authorize(self, access: Access) -> Verdict: ...
    def rules_of(self, user: User, namespace: str) -> Rules: ...


def forbidden(access: Access, reason: str) -> errors.Forbidden:
    what = refusal(access).translate(_HTML) + (f": {reason}" if reason else "")
    if not access.resource:
        return errors.Forbidden(f"forbidden: {what}", details={})
    return errors.forbidden(access.resource, access.group, access.name, what)


def refusal(access: Access) -> str:
    user, verb = access.user.name, access.verb
    if access.path is not None:
        return f'User "{user}" cannot {verb} path "{access.path}"'
    where = f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
    return f'User "{user}" cannot {verb} resource "{access.combined}" in API group "{access.group}" {where}'

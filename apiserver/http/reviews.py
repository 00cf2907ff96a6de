"""Questions that are answered and never stored: who am I, whose token is this, may they."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiserver.auth.authentication import Authenticator
from apiserver.auth.user import User
from apiserver.http.bodies import decode_object, media_type, read_body
from apiserver.http.responses import send_document
from apiserver.http.verbs import Exchange
from kubeapi import errors
from kubeapi.catalog import by_plural
from kubeapi.fielderrors import FieldError, invalid, required

Document = dict[str, Any]
Answer = Callable[[Document, User], Document]         # (spec, who asks) -> status
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


class Review:
    """POST of one kind of review: the body comes back with its status."""

    def __init__(self, group: str, plural: str, answer: Answer) -> None:
        self._resource, self._answer = by_plural(group, plural), answer

    async def __call__(self, exchange: Exchange) -> None:
        if exchange.info.verb not in self._resource.verbs:
            raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
        body = await read_body(exchange.scope, exchange.receive)
        version = self._resource.version(exchange.info.version)
        document, _ = decode_object(body, media_type(exchange.scope), version.schema(), self._resource.gvk(version.name).api_version,
                                    self._resource.kind, "Ignore")
        spec = document.get("spec") or {}
        if exchange.info.namespace:
            spec.setdefault("resourceAttributes", {}).setdefault("namespace", exchange.info.namespace)
        try:
            status = self._answer(spec, exchange.user)
        except ReviewFault as fault:
            raise errors.invalid(self._resource.kind, self._resource.group, "", fault.faults) from None
        await send_document(exchange.scope, exchange.send, 201, {**document, "metadata": document.get("metadata") or {}, "status": status})


class ReviewFault(ValueError):
    """What is wrong with the question."""

    def __init__(self, *faults: FieldError) -> None:
        super().__init__(*faults)
        self.faults = faults


def reviews(authenticator: Authenticator) -> dict[tuple[str, str, str], Review]:
    """By group, resource and (no) subresource."""
    def token(spec: Document, _: User) -> Document:
        if not spec.get("token"):
            raise ReviewFault(required("spec.token", "token is required for TokenReview in authentication"))
        found = authenticator.reviewed(spec["token"], spec.get("audiences") or ())
        if found is None:
            return {"user": {}, "error": "invalid bearer token"}
        user, audiences = found
        if spec.get("audiences") and not audiences:
            return {"user": {}, "error": f"token audiences do not match the target audiences [{' '.join(spec['audiences'])}]"}
        return {"authenticated": True, "user": user_info(user), **({"audiences": audiences} if audiences else {})}

    authentication, authorization = "authentication.k8s.io", "authorization.k8s.io"
    return {(group, plural, ""): Review(group, plural, answer) for group, plural, answer in (
        (authentication, "tokenreviews", token),
        (authentication, "selfsubjectreviews", lambda spec, user: {"userInfo": user_info(user)}),
        (authorization, "subjectaccessreviews", _subject_access),
        (authorization, "localsubjectaccessreviews", _subject_access),
        (authorization, "selfsubjectaccessreviews", _own_access),
        (authorization, "selfsubjectrulesreviews", _own_rules))}


def user_info(user: User) -> Document:
    found: Document = {"username": user.name}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {name: list(values) for name, values in user.extra.items()}
    return found


def _attributes(spec: Document) -> None:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is None and path is None:
        raise ReviewFault(invalid("spec.resourceAttributes", None, "exactly one of nonResourceAttributes or resourceAttributes must be specified"))
    if resource is not None and path is not None:
        raise ReviewFault(invalid("spec.nonResourceAttributes", path, "cannot be specified in combination with resourceAttributes"))


def _subject_access(spec: Document, _: User) -> Document:
    _attributes(spec)
    if not spec.get("user") and not spec.get("groups"):
        raise ReviewFault(invalid("spec.user", "", "at least one of user or group must be specified"))
    return {"allowed": True}


def _own_access(spec: Document, _: User) -> Document:
    """All who are known may do everything: --authorization-mode=AlwaysAllow."""
    _attributes(spec)
    return {"allowed": True}


def _own_rules(spec: Document, _: User) -> Document:
    return {"resourceRules": [EVERYTHING], "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}], "incomplete": False}

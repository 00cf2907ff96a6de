"""Questions that are answered and never stored: who am I, whose token is this, may they."""
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from apiserver.auth.access import Access
from apiserver.auth.authentication import Authenticator
from apiserver.auth.authorization import Authorization
from apiserver.auth.user import User
from apiserver.http.bodies import decode_object, media_type, read_body
from apiserver.http.responses import send_document
from apiserver.http.verbs import OTHER_NAMESPACE, Exchange
from kubeapi import errors, fields
from kubeapi.catalog import by_plural
from kubeapi.fielderrors import FieldError, invalid, required
from kubeapi.fields import Requirement, Selector

Document = dict[str, Any]
Answer = Callable[[Document, User], Awaitable[Document]]         # (spec, who asks) -> status


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
        try:
            if self._resource.is_namespaced:
                _keep_to(exchange.info.namespace, document, spec)
            status = await self._answer(spec, exchange.user)
        except ReviewFault as fault:
            raise errors.invalid(self._resource.kind, self._resource.group, "", fault.faults) from None
        await send_document(exchange.scope, exchange.send, 201, {**document, "metadata": document.get("metadata") or {}, "status": status})


class ReviewFault(ValueError):
    """What is wrong with the question."""

    def __init__(self, *faults: FieldError) -> None:
        super().__init__(*faults)
        self.faults = faults


def _keep_to(namespace: str, document: Document, spec: Document) -> None:
    """A local question is about one namespace."""
    if ((document.get("metadata") or {}).get("namespace") or namespace) != namespace:
        raise errors.BadRequest(OTHER_NAMESPACE)
    asked = spec.get("resourceAttributes")
    if asked is not None and asked.get("namespace", "") != namespace:
        raise ReviewFault(invalid("spec.resourceAttributes.namespace", asked.get("namespace", ""), "must match metadata.namespace"))
    if spec.get("nonResourceAttributes") is not None:
        raise ReviewFault(invalid("spec.nonResourceAttributes", spec["nonResourceAttributes"], "disallowed on this kind of request"))


def reviews(authenticator: Authenticator, authorization: Authorization) -> dict[tuple[str, str, str], Review]:
    """By group, resource and (no) subresource."""
    async def token(spec: Document, _: User) -> Document:
        if not spec.get("token"):
            raise ReviewFault(required("spec.token", "token is required for TokenReview in authentication"))
        found = authenticator.reviewed(spec["token"], spec.get("audiences") or ())
        if found is None:
            return {"user": {}, "error": "invalid bearer token"}
        user, audiences = found
        if spec.get("audiences") and not audiences:
            return {"user": {}, "error": f"token audiences do not match the target audiences [{' '.join(spec['audiences'])}]"}
        return {"authenticated": True, "user": user_info(user), **({"audiences": audiences} if audiences else {})}

    async def own_user(spec: Document, user: User) -> Document:
        return {"userInfo": user_info(user)}

    async def access(spec: Document, _: User) -> Document:
        _check(spec)
        if not spec.get("user") and not spec.get("groups"):
            raise ReviewFault(invalid("spec.user", "", "at least one of user or group must be specified"))
        extra = {name: tuple(values) for name, values in (spec.get("extra") or {}).items()}
        return await own_access(spec, User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), extra))

    async def own_access(spec: Document, user: User) -> Document:
        _check(spec)
        verdict = await authorization.verdict(_access(spec, user))
        return {"allowed": bool(verdict.allowed), **({"denied": True} if verdict.allowed is False else {}),
                **({"reason": verdict.reason} if verdict.reason else {})}

    async def own_rules(spec: Document, user: User) -> Document:
        if not spec.get("namespace"):
            raise errors.BadRequest("no namespace on request")
        rules = authorization.rules_of(user, spec["namespace"])
        return {"resourceRules": list(rules.resource), "nonResourceRules": list(rules.non_resource), "incomplete": bool(rules.incomplete),
                **({"evaluationError": rules.incomplete} if rules.incomplete else {})}

    of_authentication, of_authorization = "authentication.k8s.io", "authorization.k8s.io"
    return {(group, plural, ""): Review(group, plural, answer) for group, plural, answer in (
        (of_authentication, "tokenreviews", token),
        (of_authentication, "selfsubjectreviews", own_user),
        (of_authorization, "subjectaccessreviews", access),
        (of_authorization, "localsubjectaccessreviews", access),
        (of_authorization, "selfsubjectaccessreviews", own_access),
        (of_authorization, "selfsubjectrulesreviews", own_rules))}


def user_info(user: User) -> Document:
    found: Document = {"username": user.name}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {name: list(values) for name, values in user.extra.items()}
    return found


def _check(spec: Document) -> None:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is None and path is None:
        raise ReviewFault(invalid("spec.resourceAttributes", None, "exactly one of nonResourceAttributes or resourceAttributes must be specified"))
    if resource is not None and path is not None:
        raise ReviewFault(invalid("spec.nonResourceAttributes", path, "cannot be specified in combination with resourceAttributes"))


def _access(spec: Document, user: User) -> Access:
    if (path := spec.get("nonResourceAttributes")) is not None:
        return Access(user, path.get("verb", ""), path=path.get("path", ""))
    asked = spec["resourceAttributes"]
    verb, group, resource, subresource, namespace, name = (
        asked.get(field, "") for field in ("verb", "group", "resource", "subresource", "namespace", "name"))
    return Access(user, verb, group, resource, subresource, namespace, name, fields=_selector(asked.get("fieldSelector") or {}))


def _selector(asked: Document) -> Selector:
    """As text, or taken apart; only what narrows is of interest."""
    if text := asked.get("rawSelector"):
        try:
            return fields.parse(text)
        except fields.FieldSelectorError:
            return fields.EVERYTHING
    return Selector(tuple(Requirement(one.get("key", ""), one["operator"] == "In", one["values"][0]) for one in asked.get("requirements") or ()
                          if one.get("operator") in ("In", "NotIn") and len(one.get("values") or ()) == 1))

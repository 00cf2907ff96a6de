"""The errors of the Kubernetes API, one class per reason.

    ApiStatusError
      BadRequest 400 · Unauthorized 401 · Forbidden 403 · NotFound 404 · MethodNotAllowed 405 · NotAcceptable 406
      AlreadyExists, Conflict 409 · Gone, Expired 410 · RequestEntityTooLarge 413 · UnsupportedMediaType 415
      Invalid 422 · TooManyRequests 429 · InternalError 500 · ServiceUnavailable 503 · Timeout 504

Each carries a whole `Status` document. The same classes are raised by the store, rendered by the API server's one
handler, and rebuilt by the client from the answer (`from_status`).
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError

Document = dict[str, Any]


class ApiStatusError(Exception):
    """A request the API refused; `status` is the metav1.Status that says why."""

    reason: ClassVar[str] = ""
    code: ClassVar[int] = 500

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None, code: int | None = None,
                 reason: str | None = None) -> None:
        super().__init__(message)
        self.status: Document = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": self.reason if reason is None else reason,
            **({"details": dict(details)} if details else {}),
            "code": self.code if code is None else code,
        }
        if not self.status["reason"]:
            del self.status["reason"]

    @property
    def message(self) -> str:
        return str(self.status.get("message", ""))

    @property
    def http_code(self) -> int:
        return int(self.status.get("code") or self.code)

    @property
    def causes(self) -> list[Document]:
        return list(self.status.get("details", {}).get("causes") or ())


class BadRequest(ApiStatusError):
    reason, code = "BadRequest", 400


class Unauthorized(ApiStatusError):
    reason, code = "Unauthorized", 401


class Forbidden(ApiStatusError):
    reason, code = "Forbidden", 403


class NotFound(ApiStatusError):
    reason, code = "NotFound", 404


class MethodNotAllowed(ApiStatusError):
    reason, code = "MethodNotAllowed", 405


class NotAcceptable(ApiStatusError):
    reason, code = "NotAcceptable", 406


class AlreadyExists(ApiStatusError):
    reason, code = "AlreadyExists", 409


class Conflict(ApiStatusError):
    reason, code = "Conflict", 409


class Gone(ApiStatusError):
    reason, code = "Gone", 410


class Expired(ApiStatusError):
    reason, code = "Expired", 410


class RequestEntityTooLarge(ApiStatusError):
    reason, code = "RequestEntityTooLarge", 413


class UnsupportedMediaType(ApiStatusError):
    reason, code = "UnsupportedMediaType", 415


class Invalid(ApiStatusError):
    reason, code = "Invalid", 422


class TooManyRequests(ApiStatusError):
    reason, code = "TooManyRequests", 429


class InternalError(ApiStatusError):
    reason, code = "InternalError", 500


class ServiceUnavailable(ApiStatusError):
    reason, code = "ServiceUnavailable", 503


class Timeout(ApiStatusError):
    reason, code = "Timeout", 504


def _subclasses() -> dict[str, type[ApiStatusError]]:
    return {cls.reason: cls for cls in ApiStatusError.__subclasses__()}


def from_status(status: Mapping[str, Any], http_code: int) -> ApiStatusError:
    """The error a client raises for a Status document; an unknown reason becomes plain ApiStatusError."""
    cls = _subclasses().get(str(status.get("reason") or ""), ApiStatusError)
    error = cls(str(status.get("message") or f"the server answered {http_code}"),
                code=int(status.get("code") or http_code), reason=str(status.get("reason") or ""))
    error.status = dict(status)
    error.status.setdefault("code", http_code)
    return error


def qualified(resource: str, group: str) -> str:
    """`deployments.apps`, or `pods` for the core group: how a GroupResource prints."""
    return f"{resource}.{group}" if group else resource


def _details(resource: str, group: str, name: str, **more: Any) -> Document:
    details: Document = {"name": name, "group": group, "kind": resource}
    return {key: value for key, value in {**details, **more}.items() if value}


def not_found(resource: str, group: str, name: str) -> NotFound:
    return NotFound(f'{qualified(resource, group)} "{name}" not found', details=_details(resource, group, name))


def already_exists(resource: str, group: str, name: str) -> AlreadyExists:
    return AlreadyExists(f'{qualified(resource, group)} "{name}" already exists', details=_details(resource, group, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: str, group: str, name: str, why: str = MODIFIED) -> Conflict:
    return Conflict(f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}',
                    details=_details(resource, group, name))


def forbidden(resource: str, group: str, name: str, why: str) -> Forbidden:
    subject = f'{qualified(resource, group)} "{name}"' if name else qualified(resource, group)
    return Forbidden(f"{subject} is forbidden: {why}", details=_details(resource, group, name))


def invalid(kind: str, group: str, name: str, errors: Iterable[FieldError]) -> Invalid:
    """All faults at once; details.kind is the Kind, unlike in the other errors (as upstream)."""
    faults = list(errors)
    causes = [{"reason": e.type.value, "message": e.body, "field": e.field} for e in faults]
    texts = list(dict.fromkeys(str(e) for e in faults))
    told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return Invalid(f'{qualified(kind, group)} "{name}" is invalid: {told}',
                   details=_details(kind, group, name, causes=causes))

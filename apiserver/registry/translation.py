"""The storage's errors in the words of the API."""
from __future__ import annotations

from apiserver.cacher.document import TooDeep
from apiserver.storage import interface as storage_errors
from kubeapi import errors
from kubeapi.resource import Resource


class translated:
    """The store's errors become the API's. Of a write that got no answer nothing is known: no Retry-After invites clients to
    send it twice. Its conflicts are the caller's, who tries again."""

    def __init__(self, resource: Resource, name: str, *, is_write: bool = False) -> None:
        self._resource, self._name, self._is_write = resource, name, is_write

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        resource, name = self._resource, self._name
        match error:
            case TooDeep():
                raise errors.BadRequest(str(error)) from error
            case storage_errors.KeyNotFound():
                raise errors.not_found(resource.plural, resource.group, name) from error
            case storage_errors.KeyExists():
                raise errors.already_exists(resource.plural, resource.group, name) from error
            case storage_errors.Conflict() if not self._is_write:
                raise errors.conflict(resource.plural, resource.group, name) from error
            case storage_errors.Compacted():
                raise errors.Expired("The provided continue parameter is too old to display a consistent list result.") from error
            case storage_errors.FutureRevision():
                raise errors.Timeout("Too large resource version", details={"causes": [
                    {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}) from error
            case storage_errors.TooLarge():
                raise errors.RequestEntityTooLarge(f"Request entity too large: {error}") from error
            case storage_errors.StorageUnavailable():
                details = None if self._is_write else {"retryAfterSeconds": 1}
                raise errors.ServiceUnavailable(f"the store is unavailable: {error}", details=details) from error


"""What a command raises, and how upstream words it on standard error.

- CommandError: one or more whole lines to print, and the exit code
  - UsageError: a wrong command line; says where to read more
  - StatusError: the API server's Status
  - Bare: printed as it is
    - ConnectionFailed: no answer from the server
- Exit: nothing to print, only a code
"""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document


class Exit(Exception):
    """The command is over with this code; everything worth saying is already printed."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class CommandError(Exception):
    """A failure in one sentence; printed after `error: `."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def lines(self) -> str:
        """What is printed."""
        return self.message if self.message.startswith("error: ") else f"error: {self.message}"


class UsageError(CommandError):
    """A wrong command line; `command` is the full path, such as `kubectl get`."""

    def __init__(self, message: str, command: str, hint: str = "-h' for help and examples") -> None:
        super().__init__(f"{message}\nSee '{command} {hint}")


class Bare(CommandError):
    """The message is complete: nothing is put before it."""

    def lines(self) -> str:
        return self.message


class ConnectionFailed(Bare):
    """The server cannot be reached."""


class StatusError(CommandError):
    """The server answered with a Status that is a failure."""

    def __init__(self, status: Document) -> None:
        super().__init__(status.get("message") or "the server rejected our request for an unknown reason")
        self.status = status

    @property
    def reason(self) -> str:
        return str(self.status.get("reason", ""))

    def while_doing(self, action: str, source: str) -> StatusError:
        """The same failure, its message saying what was done with which file."""
        if not source:
            return self
        return StatusError({**self.status, "message": f'error when {action} "{source}": {self.message}'})

    def lines(self) -> str:
        if self.reason == "Invalid":
            return _invalid(self.status)
        if self.reason == "Unauthorized":
            return f"error: You must be logged in to the server ({self.message})"
        return f"Error from server{f' ({self.reason})' if self.reason else ''}: {self.message}"


class Errors(CommandError):
    """Several failures of one command, each in its own words."""

    def __init__(self, errors: list[CommandError]) -> None:
        super().__init__("\n".join(error.lines() for error in errors), errors[0].code)

    def lines(self) -> str:
        return self.message


def raise_all(errors: list[CommandError]) -> None:
    """Raise what was collected on the way, if anything."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Errors(errors)


def _invalid(status: Document) -> str:
    details = status.get("details")
    if details is None:
        return f"The request is invalid: {status['message']}" if status.get("message") else "The request is invalid"
    causes = list(dict.fromkeys(f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in details.get("causes") or []))
    head = "The request is invalid"
    if details.get("kind") or details.get("name"):
        head = f'The {details.get("kind", "")} "{details.get("name", "")}" is invalid'
    elif status.get("message") and not causes:
        head += f": {status['message']}"
    if not causes:
        return head
    if len(causes) == 1:
        return f"{head}: {causes[0]}"
    return "\n".join([f"{head}: ", *(f"* {cause}" for cause in causes)])

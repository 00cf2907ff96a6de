"""What every command works with: the flags, the connection they describe (made when first used), and the streams."""
from __future__ import annotations

import os
import sys

from kubectl.errors import CommandError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from kubeapi.resource import Document
    from kubectl.client import Client
    from kubectl.discovery import Discovery
    from kubectl.flags import Flags
    from kubectl.kubeconfig import ClientConfig


class Session:
    """One run of one command."""

    def __init__(self, flags: Flags, command: str) -> None:
        self.flags, self.command = flags, command
        self._config: ClientConfig | None = None
        self._client: Client | None = None
        self._discovery: Discovery | None = None

    @property
    def config(self) -> ClientConfig:
        if self._config is None:
            from kubectl import kubeconfig
            self._config = kubeconfig.resolve(self.flags)
        return self._config

    @property
    def namespace(self) -> str:
        return self.config.namespace

    @property
    def client(self) -> Client:
        if self._client is None:
            from kubectl.client import Client
            timeout = self.flags.text("request-timeout")
            self._client = Client(self.config, _timeout(timeout), self._field_manager())
        return self._client

    def _field_manager(self) -> str:
        return self.flags.text("field-manager") if self.flags.has("field-manager") else "kubectl"

    @property
    def discovery(self) -> Discovery:
        if self._discovery is None:
            from kubectl.discovery import Discovery
            self._discovery = Discovery(self.client, self.flags.text("cache-dir"), now)
        return self._discovery

    @property
    def dry_run(self) -> str:
        """`none`, `client` or `server`."""
        given = self.flags.text("dry-run")
        if given in ("none", "client", "server"):
            return given
        if given == "unchanged":
            print("W: --dry-run is deprecated and can be replaced with --dry-run=client.", file=sys.stderr)
            return "client"
        if given in ("true", "false"):
            return "client" if given == "true" else "none"
        raise CommandError(f'Invalid dry-run value ({given}). Must be "none", "server", or "client".')

    def writing(self, **more: Any) -> Document:
        """The query of a write: the field manager, and dryRun where the server shall only try."""
        parameters: Document = {"fieldManager": self.client.field_manager, **more}
        if self.flags.has("dry-run") and self.dry_run == "server":
            parameters["dryRun"] = "All"
        return parameters

    def usage(self, message: str) -> UsageError:
        return UsageError(message, self.command)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.connection.close()

    def out(self, text: str) -> None:
        sys.stdout.write(text)

    def warn(self, text: str) -> None:
        print(text, file=sys.stderr)


def now() -> float:
    """Seconds since the epoch, from the one place that may ask."""
    import time
    return time.clock_gettime(time.CLOCK_REALTIME)


def cache_directory() -> str:
    """Where discovery is kept unless --cache-dir says otherwise."""
    from kubectl.kubeconfig import home
    return os.environ.get("KUBECACHEDIR") or os.path.join(home(), ".kube", "cache")


def _seconds(duration: str) -> float:
    from kubeapi.goduration import parse_duration
    return parse_duration(duration)


def _timeout(text: str) -> float | None:
    try:
        seconds = float(text) if text.isdecimal() else _seconds(text)
    except ValueError:
        raise CommandError("Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a "
                           "corresponding time unit (e.g. 1s | 2m | 3h)") from None
    return seconds or None

"""The kubeconfig files as `kubectl config` changes them: each thing in the file that holds it, each file replaced in one step."""
from __future__ import annotations

import os

from kubectl import kubeconfig
from kubectl.kubeconfig import LISTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


class Files:
    """The kubeconfig files of one command, changed in place and saved."""

    def __init__(self, session: Session) -> None:
        self.paths = kubeconfig.paths(session.flags)
        self.documents = {path: kubeconfig.read(path) for path in self.paths}
        self.default = next((path for path in self.paths if os.path.exists(path)), self.paths[-1])

    def find(self, plural: str, name: str) -> tuple[str, Document] | None:
        """(file, entry) of a named cluster, user or context."""
        for path in self.paths:
            for entry in self.documents[path].get(plural) or []:
                if entry["name"] == name:
                    return path, entry
        return None

    def entry(self, plural: str, name: str) -> tuple[str, Document, bool]:
        """The file, the entry's value (made when missing), and whether it existed."""
        found = self.find(plural, name)
        singular = LISTS[plural]
        if found is not None:
            value: Document = found[1].get(singular) or {}
            found[1][singular] = value
            return found[0], value, True
        document = self.documents[self.default]
        value = {}
        entries = document.get(plural) or []
        document[plural] = sorted([*entries, {"name": name, singular: value}], key=lambda entry: str(entry["name"]))
        return self.default, value, False

    def current(self) -> str:
        return str(next((self.documents[path]["current-context"] for path in self.paths if self.documents[path].get("current-context")), ""))

    def set_current(self, name: str) -> None:
        path = next((path for path in self.paths if self.documents[path].get("current-context")), self.default)
        self.documents[path]["current-context"] = name
        self.save(path)

    def save(self, path: str) -> None:
        from kubectl import yamlout
        document = self.documents[path]
        shown = {"apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": "", **document}
        for plural in LISTS:
            shown[plural] = document.get(plural) or None
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
        temporary = f"{path}.{os.getpid()}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(yamlout.dump(shown))
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, os.path.realpath(path))

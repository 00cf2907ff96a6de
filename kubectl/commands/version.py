"""kubectl version: ours, and the server's."""
from __future__ import annotations

from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_FIELDS = ("major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
VERSION, KUSTOMIZE = "v1.36.0", "v5.7.1"


def run(session: Session, args: list[str]) -> int:
    if args:
        raise CommandError(f"extra arguments: [{' '.join(args)}]")
    output = session.flags.text("output")
    if output not in ("", "json", "yaml"):
        raise CommandError("--output must be 'yaml' or 'json'")
    document: Document = {"clientVersion": _client(), "kustomizeVersion": KUSTOMIZE}
    failure: CommandError | None = None
    if not session.flags.on("client"):
        try:
            answer = session.client.get("/version")
            document["serverVersion"] = {field: answer.get(field, "") for field in _FIELDS} | answer
        except CommandError as error:
            failure = error
    if output == "json":
        from json import dumps
        session.out(dumps(document, indent=2) + "\n")
    elif output == "yaml":
        from kubectl import yamlout
        session.out(yamlout.dump(document))
    else:
        session.out(f"Client Version: {VERSION}\nKustomize Version: {KUSTOMIZE}\n")
        if "serverVersion" in document:
            session.out(f"Server Version: {document['serverVersion']['gitVersion']}\n")
    if failure is not None:
        raise failure
    return 0


def _client() -> Document:
    import platform
    import sys
    return {"major": "1", "minor": "36", "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "", "buildDate": "",
            "goVersion": "", "compiler": "python" + platform.python_version(),
            "platform": f"{sys.platform}/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }"}


COMMANDS = {"version": Command("kubectl version", "Print the versions of client and server", run,
                               (Flag("client", "bool", help="only ours"), Flag("output", short="o", help="json or yaml")))}

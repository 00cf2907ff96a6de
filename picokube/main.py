"""The command `picokube`: up, down, reset, status, logs, kubeconfig, kubectl, image, node, doctor; and what docker-compose.yml
uses: pki, balance."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from picokube.cluster import Settings, default_name, find, is_root
from picokube.errors import CannotRun

Command = Callable[[argparse.Namespace], int]
# Modules with a command line of their own; docker-compose.yml uses the last two.
PARTS = {
    "node": ("picokube.node", "add nodes to a running cluster, remove them, join one from another machine"),
    "pki": ("picokube.pki", "write the certificates of a cluster whose components run apart"),
    "balance": ("picokube.balance", "one address for several API servers"),
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["kubectl"]:
        return _kubectl(arguments[1:])
    if arguments and arguments[0] in PARTS:
        return int(import_module(PARTS[arguments[0]][0]).main(arguments[1:]))
    options = _parser().parse_args(arguments)
    try:
        return int(_command(options.command)(options))
    except CannotRun as error:
        print(f"picokube: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _command(name: str) -> Command:
    """Each command imports what it needs: `status` should not pay for `up`."""
    if name == "up":
        from picokube.up import up
        return up
    if name in ("down", "reset"):
        from picokube import down
        return down.down if name == "down" else down.reset
    if name in ("status", "logs"):
        from picokube import status
        return status.status if name == "status" else status.logs
    if name == "image":
        from picokube.images import image
        return image
    return _doctor if name == "doctor" else _kubeconfig


def _doctor(options: argparse.Namespace) -> int:
    from picokube import doctor
    cluster = find(options.name, options.data_dir)
    settings = cluster.settings if cluster else Settings(runtime="runc" if is_root() else "hollow")
    settings = replace(settings, runtime=options.runtime or settings.runtime)
    checks = list(doctor.checks(settings))
    if cluster is None or cluster.parent() is None:
        checks.append(doctor.port(settings.port, is_chosen=cluster is not None))
    return doctor.report(checks)


def _kubeconfig(options: argparse.Namespace) -> int:
    from picokube.cluster import existing
    print(existing(options.name, options.data_dir).kubeconfig("admin").read_text(), end="")
    return 0


def _kubectl(arguments: list[str]) -> int:
    """`picokube kubectl [--name NAME] ...`: the bundled kubectl against this cluster, whatever the current context."""
    from picokube.cluster import existing
    name = default_name()
    if arguments[:1] == ["--name"] and len(arguments) > 1:
        name, arguments = arguments[1], arguments[2:]
    try:
        config = existing(name).kubeconfig("admin")
    except CannotRun as error:
        print(f"picokube: {error}", file=sys.stderr)
        return 1
    from kubectl.main import main as kubectl
    return kubectl([f"--kubeconfig={config}", *arguments])


def _version() -> str:
    try:
        return version("picokube")
    except PackageNotFoundError:
        return "(not installed)"


def _between(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return int(text)
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="picokube", description="A whole Kubernetes on this machine.")
    parser.add_argument("--version", action="version", version=f"picokube {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.add_argument("--name", default=default_name(), help="which cluster (default: $PICOKUBE_NAME, else picokube)")
        one.add_argument("--data-dir", help="where its data lives (default: chosen by name)")
        return one

    up = command("up", "start a cluster in the background and wait until it is ready")
    up.add_argument("--port", type=_between(1, 65535), help="the API server's port (default: 6443 or the next free one)")
    up.add_argument("--nodes", type=_between(1, 10000), help="how many nodes (default: 1)")
    up.add_argument("--runtime", choices=("runc", "hollow"), help="real containers, or simulated ones (default: runc as root)")
    up.add_argument("--etcd-servers", help="use this etcd instead of starting one: http://HOST:PORT or https://HOST:PORT, by commas")
    up.add_argument("--etcd-cafile", help="who signed that etcd's certificate")
    up.add_argument("--etcd-certfile", help="the certificate to show it")
    up.add_argument("--etcd-keyfile", help="the key of that certificate")
    up.add_argument("--without", help="components not to start, by commas")
    up.add_argument("--component-arg", action="append", default=[], metavar="COMPONENT=--FLAG=VALUE", help="pass a flag on")
    up.add_argument("--no-context", action="store_true", help="leave the user's kubeconfig alone")
    command("down", "stop everything, pods included; the data stays")
    command("reset", "stop everything and delete the data and the context")
    command("status", "what runs: pid, memory, restarts, ready")
    logs = command("logs", "what a component printed")
    logs.add_argument("component")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("--tail", type=int, default=-1, help="only the last lines")
    command("kubeconfig", "print the admin's kubeconfig")
    commands.add_parser("kubectl", help="the bundled kubectl against this cluster")
    _add_image_actions(command("image", "the nodes' images"))
    doctor = command("doctor", "check what a cluster needs of this machine")
    doctor.add_argument("--runtime", choices=("runc", "hollow"))
    for name, (_, text) in PARTS.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


def _add_image_actions(image: argparse.ArgumentParser) -> None:
    """Options may stand before and after the action."""
    root_dir = "of the one kubelet with this --root-dir, instead of a cluster's nodes"
    image.add_argument("--root-dir", help=root_dir)
    actions = image.add_subparsers(dest="action", required=True, metavar="import|list|rm")
    for name, text, metavar in (("import", "archives (docker-archive or OCI layout) into every node's store; `-` is the standard input", "ARCHIVE"),
                                ("list", "what is there", ""), ("rm", "remove images, by name or id", "IMAGE")):
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--name", default=argparse.SUPPRESS, help="which cluster")
        action.add_argument("--data-dir", default=argparse.SUPPRESS, help="where its data lives")
        action.add_argument("--root-dir", default=argparse.SUPPRESS, help=root_dir)
        if metavar:
            action.add_argument("arguments", nargs="+", metavar=metavar)


if __name__ == "__main__":
    sys.exit(main())

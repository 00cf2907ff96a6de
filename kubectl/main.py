"""kubectl: finds the command, reads its flags, runs it, and words what goes wrong.

A command's module is imported only when it is the one to run.
"""
from __future__ import annotations

import os
import sys

from kubectl.errors import CommandError, Exit, UsageError
from kubectl.flags import Flag, FlagError, HelpWanted, parse
from kubectl.session import Session, cache_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from kubectl.command import Command

# name -> (module below kubectl.commands, one line)
COMMANDS: dict[str, tuple[str, str]] = {
    "create": ("create", "Create a resource from a file or from flags"),
    "get": ("get", "Show one or many resources"),
    "describe": ("describe", "Show one or many resources in detail, with their events"),
    "apply": ("apply", "Make the cluster as the files say"),
    "delete": ("delete", "Delete resources by file, name or selector"),
    "logs": ("logs", "Print the logs of a container"),
    "exec": ("exec", "Run a command in a container"),
    "scale": ("scale", "Change the number of replicas"),
    "set": ("set", "Change one aspect of resources"),
    "rollout": ("rollout", "Watch and steer the rollout of a workload"),
    "config": ("config", "Show and change kubeconfig files"),
    "version": ("version", "Print the versions of client and server"),
    "api-resources": ("apiresources", "Show the resources that the server has"),
    "api-versions": ("apiresources", "Show the group-versions that the server has"),
    "cluster-info": ("clusterinfo", "Show the address of the control plane"),
    "label": ("label", "Change the labels of resources"),
    "annotate": ("label", "Change the annotations of resources"),
    "patch": ("patch", "Change fields of a resource"),
    "replace": ("replace", "Replace a resource by what a file says"),
    "edit": ("edit", "Change a resource in your editor"),
    "wait": ("wait", "Wait until resources have a condition"),
    "explain": ("explain", "Show the fields of a kind"),
    "events": ("events", "List events"),
    "cordon": ("cordon", "Mark a node as unschedulable"),
    "uncordon": ("cordon", "Mark a node as schedulable"),
    "taint": ("taint", "Change the taints of nodes"),
    "run": ("run", "Run an image in a pod"),
    "expose": ("expose", "Make a service for a workload"),
    "diff": ("diff", "Show what apply would change"),
    "auth": ("auth", "Ask about permissions and identity"),
    "drain": ("drain", "Empty nodes before maintenance"),
    "autoscale": ("autoscale", "Scale a workload by its load"),
    "attach": ("attach", "Attach to a running container"),
    "debug": ("debug", "Look into pods and nodes from a container beside them"),
    "cp": ("cp", "Copy files to and from containers"),
    "port-forward": ("portforward", "Forward local ports to a pod"),
    "proxy": ("proxy", "Serve the API on a local port, without credentials"),
    "certificate": ("certificate", "Answer certificate signing requests"),
    "top": ("top", "Show what nodes and pods use"),
    "kustomize": ("kustomize", "Print what a kustomization builds"),
    "completion": ("completion", "Print shell code that completes command lines (bash, zsh)"),
    "plugin": ("plugin", "Find programs that add commands"),
    "options": ("options", "Show the flags that every command takes"),
}
# Run by shells, not by people.
_HIDDEN = {"__complete": "completion"}
GLOBAL_FLAGS = (
    Flag("kubeconfig", help="the kubeconfig file"), Flag("context", help="the kubeconfig context"),
    Flag("cluster", help="the kubeconfig cluster"), Flag("user", help="the kubeconfig user"),
    Flag("namespace", short="n", help="the namespace"), Flag("server", short="s", help="the address of the API server"),
    Flag("token", help="bearer token"), Flag("username", help="user name of basic authentication"),
    Flag("password", help="password of basic authentication"), Flag("certificate-authority", help="file of the server's CA"),
    Flag("client-certificate", help="file of the client certificate"), Flag("client-key", help="file of the client key"),
    Flag("insecure-skip-tls-verify", "bool", help="do not check the server's certificate"),
    Flag("tls-server-name", help="name to expect in the server's certificate"), Flag("as", help="user to impersonate"),
    Flag("as-group", "array", help="group to impersonate"), Flag("as-uid", help="uid to impersonate"),
    Flag("request-timeout", default="0", help="how long to wait for one request (0: for ever)"),
    Flag("cache-dir", default=cache_directory(), help="where discovery is kept"),
    Flag("v", "int", short="v", help="accepted and ignored"), Flag("match-server-version", "bool", help="accepted and ignored"),
    Flag("warnings-as-errors", "bool", help="a warning of the server is a failure"),
    Flag("log-flush-frequency", "duration", 5.0, help="accepted and ignored"), Flag("vmodule", help="accepted and ignored"),
    Flag("profile", default="none", help="accepted and ignored"), Flag("profile-output", default="profile.pprof", help="accepted and ignored"),
    Flag("disable-compression", "bool", help="accepted: nothing is compressed"),
)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        return _run(arguments)
    except Exit as exit_:
        return exit_.code
    except CommandError as error:
        _flush()
        text = error.lines()
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        return error.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    finally:
        _flush()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(argv: list[str]) -> int:
    try:
        _, rest = parse(GLOBAL_FLAGS, argv, interspersed=False)
    except HelpWanted:
        return _overview()
    except FlagError as error:
        if argv[0].startswith("-") and len(argv) > 1:
            raise CommandError(f"flags cannot be placed before plugin name: {argv[0]}") from None
        raise UsageError(str(error), "kubectl", "--help' for usage.") from None
    before = argv[:len(argv) - len(rest)]
    if not rest or rest[0] == "help":
        return _overview()
    if rest[0] not in COMMANDS and rest[0] not in _HIDDEN:
        if before:
            raise CommandError(f"flags cannot be placed before plugin name: {before[0]}")
        from kubectl.commands import plugin
        if (found := plugin.find(rest)) is not None:
            plugin.become(*found)
        raise CommandError(f'unknown command "{rest[0]}" for "kubectl"{_suggestion(rest[0])}')
    from importlib import import_module
    module = import_module(f"kubectl.commands.{COMMANDS[rest[0]][0] if rest[0] in COMMANDS else _HIDDEN[rest[0]]}")
    return _dispatch(module.COMMANDS[rest[0]], f"kubectl {rest[0]}", before, rest[1:])


def _dispatch(command: Command, name: str, before: list[str], argv: list[str]) -> int:
    if command.subcommands and (found := _subcommand(command, argv)) is not None:
        chosen = command.subcommands[argv[found]]
        full = next(word for word, subcommand in command.subcommands.items() if subcommand is chosen)     # an alias stands behind it
        return _dispatch(chosen, f"{name} {full}", before, argv[:found] + argv[found + 1:])
    try:
        flags, arguments = parse(all_flags(command), before + argv, command.interspersed)
    except HelpWanted:
        return print_help(command, name)
    except FlagError as error:
        raise UsageError(str(error), name, "--help' for usage.") from None
    if command.run is None:
        if arguments:
            raise UsageError(f'unknown command "{arguments[0]}"', name)
        print_help(command, name, sys.stderr)
        return 1
    with Session(flags, name) as session:
        return command.run(session, arguments) or 0


def all_flags(command: Command) -> tuple[Flag, ...]:
    """The command's, and those of all commands that it does not use for something else (create rolebinding --user)."""
    own = {flag.name for flag in command.flags}
    return (*command.flags, *(flag for flag in GLOBAL_FLAGS if flag.name not in own))


def _subcommand(command: Command, argv: list[str]) -> int | None:
    """Where the subcommand's name stands among the words that no flag takes."""
    try:
        _, rest = parse(all_flags(command), argv, interspersed=False)
    except (FlagError, HelpWanted):
        return None
    return len(argv) - len(rest) if rest and rest[0] in command.subcommands else None


def _suggestion(word: str) -> str:
    from difflib import get_close_matches
    close = get_close_matches(word, COMMANDS, n=3, cutoff=0.6)
    return "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in close) if close else ""


def _overview() -> int:
    print("kubectl of picokube speaks to any Kubernetes cluster.\n\nCommands:")
    for name, (_, summary) in COMMANDS.items():
        print(f"  {name:<14}{summary}")
    print('\nUsage:\n  kubectl [flags] [options]\n\nUse "kubectl <command> --help" for a command\'s flags.')
    return 0


def flag_lines(flags: tuple[Flag, ...]) -> list[str]:
    """What help says of flags, in order of their names."""
    lines = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        short = f"-{flag.short}, " if flag.short else ""
        lines += [f"    {short}--{flag.name}={default_text(flag)}:", f"\t{flag.help}", ""]
    return lines


def default_text(flag: Flag) -> str:
    """A flag's default as help prints it."""
    if flag.kind == "string":
        return f"'{flag.default}'"
    if flag.kind == "duration":
        from kubectl.humantime import go_duration
        return go_duration(flag.default)
    return f"[{','.join(flag.default)}]" if isinstance(flag.default, list) else str(flag.default).lower()


def print_help(command: Command, name: str, stream: TextIO | None = None) -> int:
    """What the command does and takes."""
    lines = [f"{command.summary}.", ""]
    if command.subcommands:
        lines += ["Available Commands:", *(f"  {word:<18}{subcommand.summary}" for word, subcommand in command.subcommands.items()), ""]
    if command.flags:
        lines += ["Options:", *flag_lines(command.flags)]
    print("\n".join([*lines, "Usage:", f"  {command.usage or name} [flags]"]), file=stream or sys.stdout)
    return 0

"""kubectl completion: shell code that asks `kubectl __complete` what could come next; and __complete, which knows.

__complete prints one candidate per line: commands, flags, resource types and names.
"""
from __future__ import annotations

from kubectl.command import Command
from kubectl.errors import CommandError
from kubectl.flags import FlagError, HelpWanted, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubectl.flags import Flag
    from kubectl.session import Session

_BASH = r"""# bash completion of kubectl; load it with: source <(kubectl completion bash)
__kubectl_candidates()
{
    local word=${COMP_WORDS[COMP_CWORD]}
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)" -- "$word"))
}
complete -o default -F __kubectl_candidates kubectl
"""
_ZSH = r"""#compdef kubectl
# zsh completion of kubectl; load it with: source <(kubectl completion zsh)
_kubectl()
{
    local -a candidates
    candidates=("${(@f)$(kubectl __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -- $candidates
}
compdef _kubectl kubectl
"""
_SHELLS = {"bash": _BASH, "zsh": _ZSH}
# The commands whose first argument is a type and whose others are names.
_BY_TYPE = frozenset({"get", "describe", "delete", "edit", "label", "annotate", "patch", "scale", "wait", "expose", "autoscale", "status", "history",
                      "undo", "restart", "pause", "resume", "image", "env", "resources", "explain"})
_OF_PODS = frozenset({"logs", "exec", "attach", "port-forward"})
_OF_NODES = frozenset({"cordon", "uncordon", "drain"})


def run(session: Session, args: list[str]) -> int:
    if not args:
        raise session.usage("Shell not specified.")
    if len(args) > 1:
        raise session.usage("Too many arguments. Expected only the shell type.")
    if args[0] not in _SHELLS:
        raise session.usage(f'Unsupported shell type "{args[0]}".')
    session.out(_SHELLS[args[0]])
    return 0


def complete(session: Session, args: list[str]) -> int:
    """The candidates for the last of the words."""
    *before, last = args or [""]
    session.out("".join(f"{word}\n" for word in _candidates(session, before, last) if word.startswith(last)))
    return 0


def _candidates(session: Session, before: list[str], last: str) -> list[str]:
    from importlib import import_module

    from kubectl.main import COMMANDS as ALL
    from kubectl.main import GLOBAL_FLAGS, all_flags
    words = [word for word in before if not word.startswith("-")]
    if not words:
        return _flags(GLOBAL_FLAGS) if last.startswith("-") else list(ALL)
    name = next((word for word in words if word in ALL), "")
    if not name:
        return []
    command: Command = import_module(f"kubectl.commands.{ALL[name][0]}").COMMANDS[name]
    for word in words:
        if word in command.subcommands:
            command, name = command.subcommands[word], word
    if last.startswith("-"):
        return _flags(all_flags(command))
    try:
        session.flags, rest = parse(all_flags(command), before)     # so that -n, --context and the like count
    except (FlagError, HelpWanted):
        return []
    rest = rest[rest.index(name) + 1:]
    if command.subcommands and not rest:
        return list(command.subcommands)
    try:
        return _resources(session, name, rest)
    except CommandError:
        return []


def _flags(flags: tuple[Flag, ...]) -> list[str]:
    return [f"--{flag.name}" for flag in flags]


def _resources(session: Session, name: str, rest: list[str]) -> list[str]:
    if name in _OF_PODS:
        return [] if rest else _names(session, "pods")
    if name in _OF_NODES:
        return _names(session, "nodes")
    if name not in _BY_TYPE:
        return []
    return _names(session, rest[0]) if rest else [kind.plural for kind in session.discovery.kinds() if "list" in kind.verbs]


def _names(session: Session, word: str) -> list[str]:
    kind = session.discovery.find(word)
    return [item["metadata"]["name"] for item in session.client.get(kind.path(session.namespace if kind.namespaced else ""))["items"]]


COMMANDS = {"completion": Command("kubectl completion SHELL", "Print shell code that completes command lines (bash, zsh)", run),
            "__complete": Command("kubectl __complete WORDS", "Print what could come next", complete, interspersed=False)}

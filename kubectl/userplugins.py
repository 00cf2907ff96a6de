"""The programs that know a user's credentials, as `kubectl config set-credentials` writes them down."""
from __future__ import annotations

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

_MODES = ("IfAvailable", "Never", "Always")
_PLUGIN_FIELDS = ("name", "config", "command", "args", "env", "apiVersion", "installHint", "provideClusterInfo", "interactiveMode")


def in_order(entry: Document) -> Document:
    """A user whose plugins have their fields in the order of upstream's types."""
    user = {key: {field: value[field] for field in (*_PLUGIN_FIELDS, *value) if field in value} if key in ("exec", "auth-provider") else value
            for key, value in entry["user"].items()}
    return {**entry, "user": user}


def check(session: Session) -> None:
    """Raises CommandError."""
    flags = session.flags
    if flags.text("token") and (flags.text("username") or flags.text("password")):
        raise CommandError("you cannot specify more than one authentication method at the same time: --token, --username/--password")
    if flags.text("exec-interactive-mode") not in ("", *_MODES):
        raise CommandError(f"invalid interactive mode type, can be only {', '.join(_MODES)}")
    for name in ("auth-provider-arg", "exec-env"):
        for word in flags.texts(name):
            if "=" not in word and not word.endswith("-"):
                raise CommandError(f"invalid {name} format: {word}")


def put(session: Session, user: Document) -> None:
    """The programs that know the user's credentials; `name-` removes what was set."""
    flags = session.flags
    if flags.text("auth-provider"):
        user["auth-provider"] = {"config": None, "name": flags.text("auth-provider")}
    if flags.texts("auth-provider-arg") and "auth-provider" in user:
        old = user["auth-provider"].get("config") or {}
        user["auth-provider"]["config"] = _changed(old, flags.texts("auth-provider-arg")) or None
    if flags.text("exec-command"):
        user["exec"] = {"apiVersion": flags.text("exec-api-version") or "client.authentication.k8s.io/v1", "args": None,
                        "command": flags.text("exec-command"), "env": None, "interactiveMode": "IfAvailable", "provideClusterInfo": False}
    plugin = user.get("exec")
    if plugin is None:
        return
    for name, key, value in (("exec-api-version", "apiVersion", flags.text("exec-api-version")), ("exec-arg", "args", flags.texts("exec-arg")),
                             ("exec-interactive-mode", "interactiveMode", flags.text("exec-interactive-mode")),
                             ("exec-provide-cluster-info", "provideClusterInfo", flags.on("exec-provide-cluster-info"))):
        if name in flags.given:
            plugin[key] = value
    if flags.texts("exec-env"):
        old = {each["name"]: each.get("value", "") for each in plugin.get("env") or []}
        plugin["env"] = [{"name": name, "value": value} for name, value in _changed(old, flags.texts("exec-env")).items()] or None


def _changed(old: dict[str, str], words: list[str]) -> dict[str, str]:
    new = {key: value for key, value in old.items() if f"{key}-" not in words}
    return new | dict(word.split("=", 1) for word in words if "=" in word)

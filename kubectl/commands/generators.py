"""The documents that `kubectl create KIND`, `run` and `expose` make from flags."""
from __future__ import annotations

import os

from kubectl.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubeapi.resource import Document
    from kubectl.session import Session

_RBAC = "rbac.authorization.k8s.io"


def _name(session: Session, args: list[str]) -> str:
    if len(args) != 1:
        raise session.usage(f"exactly one NAME is required, got {len(args)}")
    return args[0]


def required(session: Session, *names: str) -> None:
    """Raises CommandError naming the flags that are missing."""
    missing = [f'"{name}"' for name in names if name not in session.flags.given]
    if missing:
        raise CommandError(f"required flag(s) {', '.join(missing)} not set")


def namespace(session: Session, args: list[str]) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _name(session, args)}, "spec": {}, "status": {}}


def service_account(session: Session, args: list[str]) -> Document:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _name(session, args)}}


def _entries(session: Session) -> Iterator[tuple[str, bytes]]:
    """(key, value) of the --from flags."""
    flags = session.flags
    for path in flags.texts("from-env-file"):
        for line in _bytes_of(path).decode().splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                key, _, value = line.strip().partition("=")
                yield key, value.encode()
    for source in flags.texts("from-file"):
        key, given, path = source.partition("=")
        if not given:
            key, path = "", source
        if not key and os.path.isdir(path):
            for entry in sorted(os.listdir(path)):
                if os.path.isfile(os.path.join(path, entry)):
                    yield entry, _bytes_of(os.path.join(path, entry))
        else:
            yield key or os.path.basename(path), _bytes_of(path)
    for literal in flags.texts("from-literal"):
        key, given, value = literal.partition("=")
        if not given or not key:
            raise CommandError(f"invalid literal source {literal}, expected key=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        yield key, value.encode()


def _bytes_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"error reading {path}: {(error.strerror or '').lower()}") from None


def _unique(session: Session, what: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for key, value in _entries(session):
        if key in found:
            raise CommandError(f"cannot add key {key}, another key by that name already exists in data for {what} {''}".rstrip())
        found[key] = value
    return found


def _base64(value: bytes) -> str:
    from binascii import b2a_base64
    return b2a_base64(value, newline=False).decode()


def config_map(session: Session, args: list[str]) -> Document:
    document: Document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _name(session, args)}}
    for key, value in _unique(session, "ConfigMap").items():
        try:
            document.setdefault("data", {})[key] = value.decode()
        except UnicodeDecodeError:
            document.setdefault("binaryData", {})[key] = _base64(value)
    return document


def secret(session: Session, args: list[str]) -> Document:
    document: Document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _name(session, args)}}
    if session.flags.text("type"):
        document["type"] = session.flags.text("type")
    data = {key: _base64(value) for key, value in _unique(session, "Secret").items()}
    return {**document, "data": data} if data else document


def tls_secret(session: Session, args: list[str]) -> Document:
    name = _name(session, args)
    required(session, "cert", "key")
    data = {"tls.crt": _base64(_bytes_of(session.flags.text("cert"))), "tls.key": _base64(_bytes_of(session.flags.text("key")))}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data}


def registry_secret(session: Session, args: list[str]) -> Document:
    name, flags = _name(session, args), session.flags
    required(session, "docker-username", "docker-password")
    user, password = flags.text("docker-username"), flags.text("docker-password")
    from kubectl import jsontext
    entry = {"username": user, "password": password, **({"email": flags.text("docker-email")} if flags.text("docker-email") else {}),
             "auth": _base64(f"{user}:{password}".encode())}
    text = jsontext.compact({"auths": {flags.text("docker-server"): entry}})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": _base64(text.encode())}}


def _container_name(image: str) -> str:
    name = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name.lower()).strip("-") or "container"


def deployment(session: Session, args: list[str]) -> Document:
    """Arguments after `--` are the command of the (one) container."""
    flags = session.flags
    required(session, "image")
    command = args[flags.dash_at:] if flags.dash_at >= 0 else []
    name = _name(session, args[:flags.dash_at] if flags.dash_at >= 0 else args)
    images = flags.texts("image")
    if command and len(images) > 1:
        raise CommandError("cannot specify multiple --image options and command")
    containers: list[Document] = [{"name": _container_name(image), "image": image, "resources": {}} for image in images]
    for container in containers:
        if command:
            container["command"] = command
        if flags.number("port") >= 0:
            container["ports"] = [{"containerPort": flags.number("port")}]
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": flags.number("replicas"), "selector": {"matchLabels": labels}, "strategy": {},
                     "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}, "status": {}}


def job(session: Session, args: list[str]) -> Document:
    flags = session.flags
    required(session, "image")
    command = args[flags.dash_at:] if flags.dash_at >= 0 else []
    name = _name(session, args[:flags.dash_at] if flags.dash_at >= 0 else args)
    container: Document = {"name": name, "image": flags.text("image"), "resources": {}}
    if command:
        container["command"] = command
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"template": {"metadata": {}, "spec": {"containers": [container], "restartPolicy": "Never"}}}, "status": {}}


def service_of(kind: str) -> Callable[[Session, list[str]], Document]:
    """The maker of services of one type."""
    def make(session: Session, args: list[str]) -> Document:
        flags, name = session.flags, _name(session, args)
        spec: Document = {"type": kind, "selector": {"app": name}}
        if kind == "ExternalName":
            required(session, "external-name")
            spec["externalName"] = flags.text("external-name")
        if flags.text("clusterip"):
            spec["clusterIP"] = flags.text("clusterip")
        if flags.texts("tcp"):
            spec["ports"] = [_port(text, flags.number("node-port")) for text in flags.texts("tcp")]
        elif kind != "ExternalName" and flags.text("clusterip") != "None":
            raise CommandError("at least one tcp port specifier must be provided")
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec,
                "status": {"loadBalancer": {}}}
    return make


def _port(text: str, node_port: int) -> Document:
    port, _, target = text.partition(":")
    try:
        number = int(port)
    except ValueError:
        raise CommandError(f'strconv.Atoi: parsing "{port}": invalid syntax') from None
    aim: int | str = number if not target else int(target) if target.isdecimal() else target
    found: Document = {"name": text.replace(":", "-"), "port": number, "protocol": "TCP", "targetPort": aim}
    return {**found, "nodePort": node_port} if node_port else found


def quota(session: Session, args: list[str]) -> Document:
    hard = dict(pair.split("=", 1) for pair in session.flags.text("hard").split(",") if "=" in pair)
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": _name(session, args)},
            "spec": {"hard": hard} if hard else {}, "status": {}}


def role(session: Session, args: list[str]) -> Document:
    flags, name = session.flags, _name(session, args)
    if not flags.texts("verb"):
        raise CommandError("at least one verb must be specified")
    if not flags.texts("resource"):
        raise CommandError("at least one resource must be specified")
    rules: list[Document] = []
    for word in flags.texts("resource"):
        plain, slash, subresource = word.partition("/")
        found = session.discovery.find(plain)
        rule: Document = {"apiGroups": [found.group], "resources": [found.plural + slash + subresource], "verbs": flags.texts("verb")}
        same = next((each for each in rules if each["apiGroups"] == rule["apiGroups"]), None)
        if same is not None:
            same["resources"] += rule["resources"]
        else:
            rules.append({**rule, **({"resourceNames": flags.texts("resource-name")} if flags.texts("resource-name") else {})})
    kind = "ClusterRole" if session.command.endswith("clusterrole") else "Role"
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": {"name": name}, "rules": rules}


def binding(session: Session, args: list[str]) -> Document:
    flags, name = session.flags, _name(session, args)
    is_cluster = session.command.endswith("clusterrolebinding")
    role_name = flags.text("role") if flags.has("role") else ""
    if bool(role_name) == bool(flags.text("clusterrole")):
        raise CommandError("exactly one of clusterrole or role must be specified" if not is_cluster else "clusterrole must be specified")
    subjects: list[Document] = [{"apiGroup": _RBAC, "kind": kind, "name": subject}
                                for kind in ("User", "Group") for subject in flags.texts(kind.lower())]
    for account in flags.texts("serviceaccount"):
        space, colon, account_name = account.partition(":")
        if not colon or not account_name:
            raise CommandError("serviceaccount must be <namespace>:<name>")
        subjects.append({"kind": "ServiceAccount", "name": account_name, "namespace": space})
    reference = {"apiGroup": _RBAC, "kind": "Role" if role_name else "ClusterRole", "name": role_name or flags.text("clusterrole")}
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRoleBinding" if is_cluster else "RoleBinding", "metadata": {"name": name},
            "roleRef": reference, **({"subjects": subjects} if subjects else {})}

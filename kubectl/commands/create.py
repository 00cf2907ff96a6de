"""kubectl create: from files, or (create deployment ...) from flags."""
from __future__ import annotations

from kubectl import builder, lastapplied, printers
from kubectl.client import quote
from kubectl.command import DRY_RUN, FILES, PRINT, SELECTOR, Command, field_manager
from kubectl.commands import generators
from kubectl.commands.apply import VALIDATE, field_validation
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

COMMON = (*PRINT, DRY_RUN, VALIDATE, field_manager("kubectl-create"), Flag("save-config", "bool", help="annotate for a later apply"))


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if not flags.texts("filename"):
        if args:
            raise session.usage(f"Unexpected args: [{' '.join(args)}]")
        raise CommandError("must specify one of -f and -k")
    if args:
        raise session.usage(f"Unexpected args: [{' '.join(args)}]")
    report, errors, count = printers.Report(session), [], 0
    for target in builder.from_files(session, flags.texts("filename"), flags.on("recursive")):
        count += 1
        try:
            report(post(session, target), "created")
        except StatusError as error:
            errors.append(error.while_doing("creating", target.source))
    if not count:
        raise CommandError("no objects passed to create")
    raise_all(list[CommandError](errors))
    return 0


def post(session: Session, target: Target) -> Document:
    """Create the target's document; with --dry-run=client only say what would be. Raises StatusError."""
    document: Document = target.document or {}
    if session.flags.has("save-config") and session.flags.on("save-config"):
        document = lastapplied.annotate(document)
    if session.dry_run == "client":
        return document
    return session.client.request("POST", target.kind.path(target.namespace),
                                  session.writing(fieldValidation=field_validation(session)), document)


# Where the generated kinds live, so that --dry-run=client needs no server.
_PATHS = {"Namespace": "/api/v1/namespaces", "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
          "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"}
_NAMESPACED = {"ConfigMap": "/api/v1", "Secret": "/api/v1", "ServiceAccount": "/api/v1", "Service": "/api/v1",
               "ResourceQuota": "/api/v1", "Deployment": "/apis/apps/v1", "Job": "/apis/batch/v1", "CronJob": "/apis/batch/v1",
               "Role": "/apis/rbac.authorization.k8s.io/v1", "RoleBinding": "/apis/rbac.authorization.k8s.io/v1"}


def send(session: Session, document: Document) -> int:
    """Create what a generator made, and report it."""
    kind = document["kind"]
    namespaced = kind in _NAMESPACED
    if namespaced and session.config.namespace_given:
        document["metadata"]["namespace"] = session.namespace
    if session.flags.on("save-config"):
        document = lastapplied.annotate(document)
    if session.dry_run != "client":
        path = _PATHS.get(kind) or f"{_NAMESPACED[kind]}/namespaces/{quote(session.namespace)}/{kind.lower()}s"
        try:
            document = session.client.request("POST", path, session.writing(fieldValidation=field_validation(session)), document)
        except StatusError as error:
            if error.reason == "Invalid":
                raise
            raise CommandError(f"failed to create {kind.lower()}: {error.message}") from None
    printers.Report(session)(document, "created")
    return 0


def _generator(make: Callable[[Session, list[str]], Document]) -> Callable[[Session, list[str]], int]:
    return lambda session, args: send(session, make(session, args))


def _command(name: str, summary: str, make: Callable[[Session, list[str]], Document], *flags: Flag) -> Command:
    return Command(f"kubectl create {name} NAME", summary, _generator(make), (*flags, *COMMON))


_FROM = (Flag("from-literal", "array", help="key=value"), Flag("from-file", "array", help="[key=]path"),
         Flag("from-env-file", "strings", help="a file of key=value lines"), Flag("append-hash", "bool", help="not supported"))
_TCP = (Flag("tcp", "strings", help="port:targetPort"), Flag("clusterip", help="address or None"))
_RULE = (Flag("verb", "strings", help="verbs"), Flag("resource", "strings", help="resources"), Flag("resource-name", "array", help="names"))
_SUBJECTS = (Flag("clusterrole", help="ClusterRole"), Flag("user", "array", help="user"), Flag("group", "array", help="group"),
             Flag("serviceaccount", "array", help="namespace:name"))
_SECRETS = {
    "generic": _command("secret generic", "Create a secret from files and literals", generators.secret, *_FROM, Flag("type", help="type")),
    "tls": _command("secret tls", "Create a TLS secret", generators.tls_secret, Flag("cert", help="file"), Flag("key", help="file")),
    "docker-registry": _command(
        "secret docker-registry", "Create a secret for a registry", generators.registry_secret, Flag("docker-username", help="user"),
        Flag("docker-password", help="password"), Flag("docker-email", help="mail"),
        Flag("docker-server", default="https://index.docker.io/v1/", help="registry")),
}
_SERVICES = {kind.lower(): _command(f"service {kind.lower()}", f"Create a {kind} service", generators.service_of(kind), *_TCP,
                                    Flag("node-port", "int", help="port on the nodes"), Flag("external-name", help="a DNS name"))
             for kind in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")}
_SUBCOMMANDS = {
    "namespace": _command("namespace", "Create a namespace", generators.namespace),
    "configmap": _command("configmap", "Create a config map from files and literals", generators.config_map, *_FROM),
    "secret": Command("kubectl create secret (docker-registry | generic | tls)", "Create a secret", subcommands=_SECRETS),
    "serviceaccount": _command("serviceaccount", "Create a service account", generators.service_account),
    "deployment": _command("deployment", "Create a deployment", generators.deployment, Flag("image", "strings", help="images"),
                           Flag("replicas", "int", 1, short="r", help="how many pods"), Flag("port", "int", -1, help="port of the container")),
    "job": _command("job", "Create a job", generators.job, Flag("image", help="image")),
    "service": Command("kubectl create service TYPE", "Create a service", subcommands=_SERVICES),
    "role": _command("role", "Create a role", generators.role, *_RULE),
    "clusterrole": _command("clusterrole", "Create a cluster role", generators.role, *_RULE),
    "rolebinding": _command("rolebinding", "Create a role binding", generators.binding, Flag("role", help="Role"), *_SUBJECTS),
    "clusterrolebinding": _command("clusterrolebinding", "Create a cluster role binding", generators.binding, *_SUBJECTS),
    "quota": _command("quota", "Create a resource quota", generators.quota, Flag("hard", help="resource=quantity,...")),
}
_ALIASES = {"ns": "namespace", "cm": "configmap", "sa": "serviceaccount", "deploy": "deployment", "svc": "service", "resourcequota": "quota"}
COMMANDS = {"create": Command("kubectl create -f FILE", "Create a resource from a file or from flags", run, (*FILES, SELECTOR, *COMMON),
                              subcommands={**_SUBCOMMANDS, **{alias: _SUBCOMMANDS[name] for alias, name in _ALIASES.items()}})}

"""kubectl create: from files, or (create deployment ...) from flags."""
from __future__ import annotations

from kubectl import builder, lastapplied, printers
from kubectl.client import quote
from kubectl.command import DRY_RUN, FILES, PRINT, SELECTOR, Command, field_manager
from kubectl.commands.apply import VALIDATE, field_validation
from kubectl.errors import CommandError, StatusError, raise_all
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeapi.resource import Document
    from kubectl.builder import Target
    from kubectl.session import Session

    Generator = Callable[[Session, list[str]], Document]

COMMON = (*PRINT, DRY_RUN, VALIDATE, field_manager("kubectl-create"), Flag("save-config", "bool", help="annotate for a later apply"))


def run(session: Session, args: list[str]) -> int:
    flags = session.flags
    if args:
        raise session.usage(f"Unexpected args: [{' '.join(args)}]")
    if flags.text("raw"):
        return _raw(session)
    if not builder.has_files(session):
        raise CommandError("must specify one of -f and -k")
    if flags.on("edit"):
        return _edited(session)
    report, errors, count = printers.Report(session), [], 0
    for target in builder.selected(session, builder.each_of_files(session)):
        count += 1
        try:
            report(post(session, target), "created")
        except StatusError as error:
            errors.append(error.while_doing("creating", target.source))
    if not count:
        raise CommandError("no objects passed to create")
    raise_all(list[CommandError](errors))
    return 0


def _raw(session: Session) -> int:
    """POST the one file as it is."""
    from kubectl import manifests
    files = session.flags.texts("filename")
    if len(files) != 1:
        raise CommandError("--raw can only use a single local file or stdin")
    text = "".join(text for _, text in manifests.texts(files[0], False))
    session.out(session.client.open("POST", session.flags.text("raw"), body=text.encode(), accept="*/*").read().decode("utf-8", "replace"))
    return 0


def _edited(session: Session) -> int:
    """Each object as its user saved it."""
    from kubectl import editing
    report, errors = printers.Report(session), list[CommandError]()

    def use(document: Document) -> None:
        report(post(session, builder.of_document(session, document, "edited-file")), "created")
    for target in builder.selected(session, builder.each_of_files(session)):
        try:
            editing.edit(session, [target.document or {}], use)
        except CommandError as error:
            errors.append(error)
    raise_all(errors)
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
          "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
          "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses"}
_NAMESPACED = {"ConfigMap": "/api/v1", "Secret": "/api/v1", "ServiceAccount": "/api/v1", "Service": "/api/v1",
               "ResourceQuota": "/api/v1", "Deployment": "/apis/apps/v1", "Job": "/apis/batch/v1", "CronJob": "/apis/batch/v1",
               "Role": "/apis/rbac.authorization.k8s.io/v1", "RoleBinding": "/apis/rbac.authorization.k8s.io/v1",
               "Ingress": "/apis/networking.k8s.io/v1", "PodDisruptionBudget": "/apis/policy/v1"}
# What stands before the server's refusal; nothing where it is passed on as it is.
_REFUSED = {"ConfigMap": "failed to create configmap: ", "Secret": "failed to create secret ", "ServiceAccount": "failed to create serviceaccount: ",
            "Deployment": "failed to create deployment: ", "Job": "failed to create job: ", "CronJob": "failed to create cronjob: ",
            "Ingress": "failed to create ingress: ", "PodDisruptionBudget": "failed to create poddisruptionbudgets: ",
            "PriorityClass": "failed to create priorityclass: ", "RoleBinding": "failed to create rolebinding: ",
            "ClusterRoleBinding": "failed to create clusterrolebinding: ", "ResourceQuota": "failed to create quota: ",
            "Service": "failed to create {} service: "}


def send(session: Session, document: Document) -> int:
    """Create what a generator made, and report it."""
    kind = document["kind"]
    if kind in _NAMESPACED and session.config.namespace_given:
        document["metadata"]["namespace"] = session.namespace
    if session.flags.on("save-config"):
        document = lastapplied.annotate(document)
    if session.dry_run != "client":
        plural = "ingresses" if kind == "Ingress" else f"{kind.lower()}s"
        path = _PATHS.get(kind) or f"{_NAMESPACED[kind]}/namespaces/{quote(session.namespace)}/{plural}"
        try:
            document = session.client.request("POST", path, session.writing(fieldValidation=field_validation(session)), document)
        except StatusError as error:
            if kind not in _REFUSED:
                raise
            raise CommandError(_REFUSED[kind].format(document["spec"]["type"] if kind == "Service" else "") + error.message) from None
    printers.Report(session)(document, "created")
    return 0


def _command(name: str, summary: str, module: str, function: str, *flags: Flag) -> Command:
    def run(session: Session, args: list[str]) -> int:
        from importlib import import_module
        make: Generator = getattr(import_module(f"kubectl.generators.{module}"), function)
        return send(session, make(session, args))
    return Command(f"kubectl create {name} NAME", summary, run, (*flags, *COMMON))


def _service(kind: str, *flags: Flag) -> Command:
    def run(session: Session, args: list[str]) -> int:
        from kubectl.generators.network import service_of
        return send(session, service_of(kind)(session, args))
    return Command(f"kubectl create service {kind.lower()} NAME", f"Create a {kind} service", run,
                   (Flag("tcp", "strings", help="port:targetPort"), *flags, *COMMON))


def _token(session: Session, args: list[str]) -> int:
    from kubectl.generators import token
    return token.run(session, args)


_HASH = Flag("append-hash", "bool", help="put a hash of the content behind the name")
_FROM = (Flag("from-literal", "array", help="key=value"), Flag("from-file", "strings", help="[key=]path"),
         Flag("from-env-file", "strings", help="a file of key=value lines"), _HASH)
_IP = Flag("clusterip", help="address or None")
_RULE = (Flag("verb", "strings", help="verbs"), Flag("resource", "strings", help="resources"), Flag("resource-name", "array", help="names"))
_SUBJECTS = (Flag("clusterrole", help="ClusterRole"), Flag("user", "array", help="user"), Flag("group", "array", help="group"),
             Flag("serviceaccount", "array", help="namespace:name"))
_IMAGE = Flag("image", help="image")
_SECRETS = {
    "docker-registry": _command(
        "secret docker-registry", "Create a secret for a registry", "data", "registry_secret", Flag("docker-username", help="user"),
        Flag("docker-password", help="password"), Flag("docker-email", help="mail"), Flag("from-file", "strings", help="[key=]path"), _HASH,
        Flag("docker-server", default="https://index.docker.io/v1/", help="registry")),
    "generic": _command("secret generic", "Create a secret from files and literals", "data", "secret", *_FROM, Flag("type", help="type")),
    "tls": _command("secret tls", "Create a TLS secret", "data", "tls_secret", Flag("cert", help="file"), Flag("key", help="file"), _HASH),
}
_SERVICES = {"clusterip": _service("ClusterIP", _IP), "externalname": _service("ExternalName", Flag("external-name", help="a DNS name")),
             "loadbalancer": _service("LoadBalancer"), "nodeport": _service("NodePort", Flag("node-port", "int", help="port on the nodes"))}
_SUBCOMMANDS = {
    "clusterrole": _command("clusterrole", "Create a cluster role", "rbac", "cluster_role", *_RULE,
                            Flag("non-resource-url", "strings", help="URL paths"), Flag("aggregation-rule", help="labels of the roles to unite")),
    "clusterrolebinding": _command("clusterrolebinding", "Create a cluster role binding", "rbac", "binding", *_SUBJECTS),
    "configmap": _command("configmap", "Create a config map from files and literals", "data", "config_map", *_FROM),
    "cronjob": _command("cronjob", "Create a cron job", "workloads", "cron_job", _IMAGE, Flag("schedule", help="when, as cron writes it"),
                        Flag("restart", help="OnFailure or Never")),
    "deployment": _command("deployment", "Create a deployment", "workloads", "deployment", Flag("image", "strings", help="images"),
                           Flag("replicas", "int", 1, short="r", help="how many pods"), Flag("port", "int", -1, help="port of the container")),
    "ingress": _command("ingress", "Create an ingress", "network", "ingress", Flag("rule", "array", help="host/path=service:port[,tls[=secret]]"),
                        Flag("class", help="ingress class"), Flag("default-backend", help="service:port"), Flag("annotation", "array", help="key=value")),
    "job": _command("job", "Create a job", "workloads", "job", _IMAGE, Flag("from", help="cronjob/NAME to run now")),
    "namespace": _command("namespace", "Create a namespace", "data", "namespace"),
    "poddisruptionbudget": _command("poddisruptionbudget", "Create a pod disruption budget", "policies", "disruption_budget",
                                    Flag("selector", help="of the pods"), Flag("min-available", help="number or percentage"),
                                    Flag("max-unavailable", help="number or percentage")),
    "priorityclass": _command("priorityclass", "Create a priority class", "policies", "priority_class", Flag("value", "int", help="the priority"),
                              Flag("global-default", "bool", help="of pods without a class"), Flag("description", help="when to use it"),
                              Flag("preemption-policy", default="PreemptLowerPriority", help="or Never")),
    "quota": _command("quota", "Create a resource quota", "policies", "quota", Flag("hard", help="resource=quantity,..."), Flag("scopes", help="scopes")),
    "role": _command("role", "Create a role", "rbac", "role", *_RULE),
    "rolebinding": _command("rolebinding", "Create a role binding", "rbac", "binding", Flag("role", help="Role"), *_SUBJECTS),
    "secret": Command("kubectl create secret (docker-registry | generic | tls)", "Create a secret", subcommands=_SECRETS),
    "service": Command("kubectl create service TYPE", "Create a service", subcommands=_SERVICES),
    "serviceaccount": _command("serviceaccount", "Create a service account", "data", "service_account"),
    "token": Command("kubectl create token SERVICE_ACCOUNT", "Ask for a token of a service account", _token, (
        *PRINT, Flag("audience", "array", help="for whom"), Flag("duration", "duration", help="how long it is valid"),
        Flag("bound-object-kind", help="Pod, Secret or Node it depends on"), Flag("bound-object-name", help="its name"),
        Flag("bound-object-uid", help="its uid"))),
}
_ALIASES = {"ns": "namespace", "cm": "configmap", "sa": "serviceaccount", "deploy": "deployment", "dep": "deployment", "svc": "service",
            "resourcequota": "quota", "cj": "cronjob", "ing": "ingress", "pdb": "poddisruptionbudget", "pc": "priorityclass"}
COMMANDS = {"create": Command("kubectl create -f FILE", "Create a resource from a file or from flags", run,
                              (*FILES, SELECTOR, *COMMON, Flag("raw", help="POST the file to this URL path"), Flag("edit", "bool", help="have it edited first"),
                               Flag("windows-line-endings", "bool", help="with --edit: the file's lines end as on Windows")),
                              subcommands={**_SUBCOMMANDS, **{alias: _SUBCOMMANDS[name] for alias, name in _ALIASES.items()}})}

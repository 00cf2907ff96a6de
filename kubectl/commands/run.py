"""kubectl run: one pod of one image."""
from __future__ import annotations

from kubectl import lastapplied, overriding
from kubectl.command import DRY_RUN, FILES, PRINT, Command, field_manager
from kubectl.errors import CommandError
from kubectl.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session

# Of deletion, which --rm does by itself: upstream has them, too, and uses of them as little.
_OF_DELETION = (*FILES, Flag("cascade", default="background", no_value="background", help="accepted"), Flag("force", "bool", help="accepted"),
                Flag("grace-period", "int", -1, help="accepted"), Flag("timeout", "duration", help="accepted"), Flag("wait", "bool", help="accepted"))
FLAGS = (*PRINT, DRY_RUN, field_manager("kubectl-run"), Flag("image", help="the image"), Flag("port", help="port of the container"),
         Flag("env", "array", help="NAME=value"), Flag("labels", short="l", help="a=b,c=d"), Flag("restart", default="Always", help="Always, OnFailure, Never"),
         Flag("command", "bool", help="the arguments replace the image's command"), Flag("image-pull-policy", help="Always, IfNotPresent, Never"),
         Flag("attach", "bool", help="join its output (and with -i its input) once it runs"), Flag("expose", "bool", help="with --port: also make a service"),
         Flag("rm", "bool", help="delete it afterwards"), Flag("stdin", "bool", short="i", help="keep standard input open"),
         Flag("tty", "bool", short="t", help="a terminal"), Flag("annotations", "array", help="key=value"), Flag("quiet", "bool", short="q", help="say less"),
         Flag("pod-running-timeout", "duration", 60.0, help="how long to wait for it before attaching"),
         Flag("leave-stdin-open", "bool", help="keep standard input open after the first attach"),
         Flag("privileged", "bool", help="with all of the node's privileges"), Flag("save-config", "bool", help="annotate for a later apply"),
         *overriding.FLAGS, *_OF_DELETION)



def run(session: Session, args: list[str]) -> int:
    from kubectl import printers
    if "image" not in session.flags.given:
        raise CommandError('required flag(s) "image" not set')
    if not args:
        raise session.usage("NAME is required for run")
    _check(session)
    report = printers.Report(session)
    document = pod(session, args)
    if session.flags.on("expose"):
        report(_create(session, "services", _service(session, document)), "created")
    made = _create(session, "pods", document)
    if is_attached(session):
        from kubectl.commands.runattached import follow
        return follow(session, made)
    report(made, "created")
    return 0


def is_attached(session: Session) -> bool:
    """-i attaches, unless --attach=false says otherwise."""
    flags = session.flags
    return flags.on("attach") if "attach" in flags.given else flags.on("stdin")


def _check(session: Session) -> None:
    flags = session.flags
    if flags.text("restart") not in ("Always", "OnFailure", "Never"):
        raise session.usage(f"invalid restart policy: {flags.text('restart')}")
    if flags.text("image-pull-policy") not in ("", "Always", "IfNotPresent", "Never"):
        raise session.usage(f"invalid image pull policy: {flags.text('image-pull-policy')}")
    if flags.on("tty") and not flags.on("stdin"):
        raise session.usage("-i/--stdin is required for containers with -t/--tty=true")
    if flags.on("rm") and not is_attached(session):
        raise session.usage("--rm should only be used for attached containers")
    if is_attached(session) and session.dry_run != "none":
        raise session.usage("--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)")
    if flags.on("expose") and not flags.text("port"):
        raise session.usage("--port must be set when exposing a service")
    for pair in flags.texts("env"):
        if not pair.partition("=")[1] or not pair.partition("=")[0]:
            raise CommandError(f"invalid env: {pair}")


def _create(session: Session, plural: str, document: Document) -> Document:
    if session.dry_run == "client":
        return document
    document = lastapplied.annotate(document) if session.flags.on("save-config") else document
    return session.client.request("POST", f"/api/v1/namespaces/{session.namespace}/{plural}", session.writing(), document)


def _service(session: Session, pod: Document) -> Document:
    """The service of --expose: the pod's labels, its port."""
    metadata = {key: value for key, value in pod["metadata"].items() if key in ("name", "namespace")}
    port = int(session.flags.text("port"))
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "status": {"loadBalancer": {}},
            "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}], "selector": pod["metadata"]["labels"]}}


def pod(session: Session, args: list[str]) -> Document:
    """The pod that the flags describe."""
    flags, name = session.flags, args[0]
    container: Document = {"name": name, "image": flags.text("image"), "resources": {}}
    if args[1:]:
        container["command" if flags.on("command") else "args"] = args[1:]
    if flags.text("port"):
        container["ports"] = [{"containerPort": int(flags.text("port"))}]
    if flags.texts("env"):
        container["env"] = [dict(zip(("name", "value"), pair.split("=", 1), strict=True)) for pair in flags.texts("env") if "=" in pair]
    if flags.text("image-pull-policy"):
        container["imagePullPolicy"] = flags.text("image-pull-policy")
    if flags.on("privileged"):
        container["securityContext"] = {"privileged": True}
    container |= {key: True for key in ("stdin", "tty") if flags.on(key)}
    if flags.on("stdin") and not flags.on("leave-stdin-open"):
        container["stdinOnce"] = True
    labels = dict(pair.split("=", 1) for pair in flags.text("labels").split(",") if "=" in pair) or {"run": name}
    metadata: Document = {"name": name, "labels": labels}
    if flags.texts("annotations"):
        metadata["annotations"] = dict(pair.split("=", 1) for pair in flags.texts("annotations") if "=" in pair)
    if session.config.namespace_given:
        metadata["namespace"] = session.namespace
    document: Document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
                          "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": flags.text("restart")}, "status": {}}
    return overriding.overridden(session, document)


COMMANDS = {"run": Command("kubectl run NAME --image=IMAGE [-- ARGS...]", "Run an image in a pod", run, FLAGS)}

"""kubectl create deployment, job and cronjob."""
from __future__ import annotations

from kubectl.errors import CommandError
from kubectl.generators.arguments import name_and_command, required

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kubeapi.resource import Document
    from kubectl.session import Session


def container_name(image: str) -> str:
    """The last part of the image's name, as far as a container may be called so."""
    name = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name.lower()).strip("-") or "container"


def deployment(session: Session, args: list[str]) -> Document:
    """Arguments after `--` are the command of the (one) container."""
    flags = session.flags
    required(session, "image")
    name, command = name_and_command(session, args)
    images = flags.texts("image")
    if command and len(images) > 1:
        raise CommandError("cannot specify multiple --image options and command")
    if flags.number("replicas") < 0:
        raise CommandError(f"invalid replicas: {flags.number('replicas')}")
    containers: list[Document] = [{"name": container_name(image), "image": image, "resources": {}} for image in images]
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
    """A job of one container, or the next run of a cron job (--from)."""
    flags = session.flags
    name, command = name_and_command(session, args)
    source = flags.text("from")
    if bool(flags.text("image")) == bool(source):
        raise CommandError("either --image or --from must be specified")
    if source and command:
        raise CommandError("cannot specify --from and command")
    if source:
        return _from_cron_job(session, name, source)
    container: Document = {"name": name, "image": flags.text("image"), "resources": {}, **({"command": command} if command else {})}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"template": {"metadata": {}, "spec": {"containers": [container], "restartPolicy": "Never"}}}, "status": {}}


def _from_cron_job(session: Session, name: str, source: str) -> Document:
    from kubectl import builder
    target = builder.targets(session, [source])[0]
    cron_job = target.fetch(session)
    if cron_job["kind"] != "CronJob":
        raise CommandError("from must be an existing cronjob")
    template = cron_job["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    annotations = {"cronjob.kubernetes.io/instantiate": "manual", **(metadata.get("annotations") or {})}
    owner = {"apiVersion": "batch/v1", "controller": True, "kind": "CronJob", "name": cron_job["metadata"]["name"], "uid": cron_job["metadata"]["uid"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": template["spec"], "status": {},
            "metadata": {"name": name, "annotations": annotations, **({"labels": metadata["labels"]} if metadata.get("labels") else {}),
                         "ownerReferences": [owner]}}


def cron_job(session: Session, args: list[str]) -> Document:
    flags = session.flags
    required(session, "image", "schedule")
    name, command = name_and_command(session, args)
    container: Document = {"name": name, "image": flags.text("image"), "resources": {}, **({"command": command} if command else {})}
    job_spec = {"template": {"metadata": {}, "spec": {"containers": [container], "restartPolicy": flags.text("restart") or "OnFailure"}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
            "spec": {"schedule": flags.text("schedule"), "jobTemplate": {"metadata": {"name": name}, "spec": job_spec}}, "status": {}}

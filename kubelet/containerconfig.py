"""What the runtime is told of a pod and of a container: SandboxConfig and ContainerConfig from the specs. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kubeapi.generated.models.core_v1 import Container, Pod, SeccompProfile
from kubelet.actions import HASH_ANNOTATION, container_hash
from kubelet.admission import dotted
from kubelet.allocation import GRANT, grant_text
from kubelet.cri import ContainerConfig, Image, Mount, PortMapping, SandboxConfig, SecurityContext
from kubelet.environment import ConfigError
from kubelet.expansion import expand
from kubelet.resources import UNBOUNDED, PodBounds, container_resources, pod_resources
from kubelet.restarts import runs_to_completion

RUNTIME_DEFAULT, LOCALHOST = "RuntimeDefault", "Localhost/"
PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}
INIT_ANNOTATION = "io.picokube.container.runs-to-completion"
GRACE_ANNOTATION = "io.kubernetes.pod.terminationGracePeriod"


def pod_labels(pod: Pod) -> dict[str, str]:
    return {"io.kubernetes.pod.name": pod.metadata.name, "io.kubernetes.pod.namespace": pod.metadata.namespace,
            "io.kubernetes.pod.uid": pod.metadata.uid}


def sandbox_config(pod: Pod, attempt: int, *, hostname: str, log_directory: Path, cgroup_parent: str,
                   runtime_handler: str = "", bounds: PodBounds = UNBOUNDED, first_user: int = 0) -> SandboxConfig:
    security = pod.spec.security_context
    ports = () if pod.spec.host_network else tuple(
        PortMapping(port.protocol or "TCP", port.container_port, port.host_port, port.host_ip)
        for container in (*pod.spec.init_containers, *pod.spec.containers) for port in container.ports if port.host_port)
    return SandboxConfig(
        name=pod.metadata.name, namespace=pod.metadata.namespace, uid=pod.metadata.uid, attempt=attempt, hostname=hostname,
        log_directory=str(log_directory), cgroup_parent=cgroup_parent, host_network=pod.spec.host_network, host_pid=pod.spec.host_pid,
        host_ipc=pod.spec.host_ipc, share_process_namespace=bool(pod.spec.share_process_namespace), port_mappings=ports,
        sysctls={dotted(one.name): one.value for one in security.sysctls} if security else {}, resources=pod_resources(pod, bounds),
        labels={**pod.metadata.labels, **pod_labels(pod)}, runtime_handler=runtime_handler, first_user=first_user,
        privileged=any(one.security_context is not None and bool(one.security_context.privileged)
                       for one in (*pod.spec.init_containers, *pod.spec.containers)),
        annotations={**pod.metadata.annotations, GRACE_ANNOTATION: str(pod.spec.termination_grace_period_seconds or 0)})


def container_config(pod: Pod, container: Container, attempt: int, image: Image, environment: Mapping[str, str],
                     mounts: Sequence[Mount], node_memory: int = 0, *, target_id: str = "") -> ContainerConfig:
    """Raises ConfigError where the pod may not run as the image wants."""
    return ContainerConfig(
        name=container.name, attempt=attempt, image_ref=image.id,
        command=tuple(expand(one, environment) for one in container.command),
        args=tuple(expand(one, environment) for one in container.args),
        working_dir=container.working_dir, env=tuple(environment.items()), mounts=tuple(mounts),
        log_path=f"{container.name}/{attempt}.log", tty=container.tty, stdin=container.stdin, stdin_once=container.stdin_once,
        security=_security(pod, container, image), resources=container_resources(pod, container, node_memory),
        stop_signal=(container.lifecycle.stop_signal or "") if container.lifecycle else "",
        target_id=target_id, labels={**pod_labels(pod), "io.kubernetes.container.name": container.name},
        annotations={HASH_ANNOTATION: container_hash(container), "io.kubernetes.container.image": container.image,
                     **({GRANT: grant_text(container.resources)} if container.resources.limits or container.resources.requests else {}),
                     **({INIT_ANNOTATION: "true"} if runs_to_completion(pod, container) else {})})


def _security(pod: Pod, container: Container, image: Image) -> SecurityContext:
    of_pod, own = pod.spec.security_context, container.security_context
    user = own.run_as_user if own and own.run_as_user is not None else of_pod.run_as_user if of_pod else None
    group = own.run_as_group if own and own.run_as_group is not None else of_pod.run_as_group if of_pod else None
    non_root = own.run_as_non_root if own and own.run_as_non_root is not None else bool(of_pod and of_pod.run_as_non_root)
    if non_root:
        _check_non_root(pod, container, user, image)
    profile = (own.seccomp_profile if own else None) or (of_pod.seccomp_profile if of_pod else None)
    groups = (*of_pod.supplemental_groups, *([of_pod.fs_group] if of_pod.fs_group is not None else [])) if of_pod else ()
    capabilities = own.capabilities if own else None
    return SecurityContext(
        run_as_user=user, run_as_group=group, supplemental_groups=groups, run_as_non_root=bool(non_root),
        privileged=bool(own and own.privileged), readonly_rootfs=bool(own and own.read_only_root_filesystem),
        no_new_privs=bool(own and own.allow_privilege_escalation is False),
        add_capabilities=capabilities.add if capabilities else (), drop_capabilities=capabilities.drop if capabilities else (),
        strict_groups=bool(of_pod and of_pod.supplemental_groups_policy == "Strict"),
        unmasked_proc=bool(own and own.proc_mount == "Unmasked"), seccomp=_seccomp(profile))


def _seccomp(profile: SeccompProfile | None) -> str:
    match profile.type if profile else "":
        case "RuntimeDefault": return RUNTIME_DEFAULT
        case "Localhost" if profile: return f"{LOCALHOST}{profile.localhost_profile or ''}"
        case _: return ""


def _check_non_root(pod: Pod, container: Container, user: int | None, image: Image) -> None:
    where = f'(pod: "{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})", container: {container.name})'
    if user is not None:
        if user == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return
    name = image.user.partition(":")[0]
    if name and not name.isdigit():
        raise ConfigError(f"container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root {where}")
    if not name or int(name) == 0:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")

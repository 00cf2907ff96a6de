"""Which ended containers run again: restartPolicy of the pod, and of a container with its rules."""
from __future__ import annotations

from kubeapi.generated.models.core_v1 import Container, ContainerRestartRule, Pod
from kubeapi.generated.models.core_v1 import ContainerStatus as ApiStatus
from kubelet.cri import ContainerState, ContainerStatus


def is_sidecar(container: Container) -> bool:
    """An init container that keeps running beside the others."""
    return container.restart_policy == "Always"


def runs_to_completion(pod: Pod, container: Container) -> bool:
    """An init container that others wait for the end of."""
    return container in pod.spec.init_containers and not is_sidecar(container)


def ephemeral_containers(pod: Pod) -> tuple[Container, ...]:
    """As containers like the others: they lack what makes a container reliable, and are run once."""
    return tuple(Container.model_construct(**{name: getattr(one, name) for name in Container.model_fields})
                 for one in pod.spec.ephemeral_containers)


def all_containers(pod: Pod) -> tuple[Container, ...]:
    return (*pod.spec.init_containers, *pod.spec.containers, *ephemeral_containers(pod))


def statuses_of(pod: Pod) -> tuple[ApiStatus, ...]:
    """What the API was told of its containers last."""
    return (*pod.status.init_container_statuses, *pod.status.container_statuses, *pod.status.ephemeral_container_statuses)


def kind_of(pod: Pod, name: str) -> str:
    """The field of the spec that a container stands in."""
    if any(one.name == name for one in pod.spec.init_containers):
        return "initContainers"
    return "ephemeralContainers" if any(one.name == name for one in pod.spec.ephemeral_containers) else "containers"


def container_named(pod: Pod, name: str) -> Container | None:
    return next((one for one in all_containers(pod) if one.name == name), None)


def should_restart(pod: Pod, container: Container, last: ContainerStatus | None) -> bool:
    """Of a main container that does not run; *last* is its newest attempt."""
    if last is None or last.state is ContainerState.CREATED:
        return True
    return restarts_after(pod, container, last.exit_code, is_known=last.state is not ContainerState.UNKNOWN)


def restarts_after(pod: Pod, container: Container, exit_code: int, *, is_known: bool = True) -> bool:
    if is_known and any(_matches(rule, exit_code) for rule in container.restart_policy_rules):
        return True
    policy = container.restart_policy or pod.spec.restart_policy
    return policy == "Always" or (policy == "OnFailure" and (exit_code != 0 or not is_known))


def restarts_init(pod: Pod, container: Container, exit_code: int, *, is_known: bool = True) -> bool:
    """Of an init container that failed."""
    if is_known and any(_matches(rule, exit_code) for rule in container.restart_policy_rules):
        return True
    return (container.restart_policy or pod.spec.restart_policy) != "Never"


def runs_again(pod: Pod, container: Container, last: ContainerStatus) -> bool:
    """Of any container that has ended."""
    is_known = last.state is not ContainerState.UNKNOWN
    match kind_of(pod, container.name):
        case "ephemeralContainers": return False
        case "initContainers" if not is_sidecar(container): return restarts_init(pod, container, last.exit_code, is_known=is_known)
        case _: return should_restart(pod, container, last)


def _matches(rule: ContainerRestartRule, exit_code: int) -> bool:
    codes = rule.exit_codes
    if rule.action != "Restart" or codes is None:
        return False
    return (exit_code in codes.values) == (codes.operator == "In")

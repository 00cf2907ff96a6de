"""A container's environment: envFrom, env, then the variables of services. Pure over what the ConfigMaps and Secrets hold."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kubeapi.generated.models.core_v1 import ConfigMap, Container, EnvVar, EnvVarSource, Pod, Secret, Service
from kubeapi.names import environment_name_faults
from kubelet.expansion import expand
from kubelet.fieldrefs import FieldError, NodeFacts, field_value, resource_value


class ConfigError(ValueError):
    """CreateContainerConfigError: the text names the object and the key."""


@dataclass(frozen=True, slots=True)
class Configs:
    """The objects a pod refers to, by name, all of its own namespace; None where there is none."""

    config_maps: Mapping[str, ConfigMap | None] = field(default_factory=dict)
    secrets: Mapping[str, Secret | None] = field(default_factory=dict)

    def config_map(self, name: str, *, optional: bool | None) -> ConfigMap | None:
        found = self.config_maps.get(name)
        if found is None and not optional:
            raise ConfigError(f'configmap "{name}" not found')
        return found

    def secret(self, name: str, *, optional: bool | None) -> Secret | None:
        found = self.secrets.get(name)
        if found is None and not optional:
            raise ConfigError(f'secret "{name}" not found')
        return found


@dataclass(frozen=True, slots=True)
class References:
    config_maps: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    def __or__(self, other: References) -> References:
        return References(self.config_maps | other.config_maps, self.secrets | other.secrets)

    def __bool__(self) -> bool:
        return bool(self.config_maps or self.secrets)


def references(container: Container) -> References:
    """What the container's environment has to be read from."""
    sources = [one.value_from for one in container.env if one.value_from]
    config_maps = {one.config_map_key_ref.name for one in sources if one.config_map_key_ref}
    config_maps |= {one.config_map_ref.name for one in container.env_from if one.config_map_ref}
    secrets = {one.secret_key_ref.name for one in sources if one.secret_key_ref}
    secrets |= {one.secret_ref.name for one in container.env_from if one.secret_ref}
    return References(frozenset(config_maps), frozenset(secrets))


def environment(pod: Pod, container: Container, configs: Configs, node: NodeFacts, pod_ips: Sequence[str],
                services: Mapping[str, str], tell_invalid: Callable[[str], None] = lambda message: None) -> dict[str, str]:
    """In the order they were defined; `services` counts for $(VAR) and comes last. Raises ConfigError."""
    result = _from_sources(container, configs, tell_invalid)
    for variable in container.env:
        value = _value(pod, container, variable, configs, node, pod_ips, {**services, **result})
        if value is not None:
            result[variable.name] = value
    return {**result, **{name: value for name, value in services.items() if name not in result}}


def _from_sources(container: Container, configs: Configs, tell_invalid: Callable[[str], None]) -> dict[str, str]:
    result: dict[str, str] = {}
    for source in container.env_from:
        values, kind, name = _values(source.config_map_ref, source.secret_ref, configs)
        invalid = sorted(key for key in values if environment_name_faults(source.prefix + key))
        if invalid:
            tell_invalid(f"Keys [{', '.join(invalid)}] from the EnvFrom {kind} {name} were skipped since they are "
                         "considered invalid environment variable names.")
        result |= {source.prefix + key: value for key, value in values.items() if key not in invalid}
    return result


def _values(config_map_ref: object, secret_ref: object, configs: Configs) -> tuple[dict[str, str], str, str]:
    from kubeapi.generated.models.core_v1 import ConfigMapEnvSource, SecretEnvSource

    if isinstance(config_map_ref, ConfigMapEnvSource):
        config_map = configs.config_map(config_map_ref.name, optional=config_map_ref.optional)
        return dict(config_map.data) if config_map else {}, "configMap", config_map_ref.name
    if isinstance(secret_ref, SecretEnvSource):
        secret = configs.secret(secret_ref.name, optional=secret_ref.optional)
        return {key: _text(value) for key, value in secret.data.items()} if secret else {}, "secret", secret_ref.name
    return {}, "", ""


def _value(pod: Pod, container: Container, variable: EnvVar, configs: Configs, node: NodeFacts, pod_ips: Sequence[str],
           known: Mapping[str, str]) -> str | None:
    """None where an optional reference leads nowhere: the variable is not set."""
    if variable.value_from is None:
        return expand(variable.value, known)
    try:
        return _referenced(pod, container, variable.value_from, configs, node, pod_ips)
    except FieldError as error:
        raise ConfigError(str(error)) from error


def _referenced(pod: Pod, container: Container, source: EnvVarSource, configs: Configs, node: NodeFacts,
                pod_ips: Sequence[str]) -> str | None:
    if source.field_ref is not None:
        ips = pod_ips or (node.ips if pod.spec.host_network else ())
        return field_value(pod, source.field_ref.field_path, node, ips)
    if source.resource_field_ref is not None:
        return resource_value(pod, source.resource_field_ref, container.name, node)
    if (key_ref := source.config_map_key_ref) is not None:
        config_map = configs.config_map(key_ref.name, optional=key_ref.optional)
        if config_map is not None and key_ref.key in config_map.data:
            return config_map.data[key_ref.key]
        if not key_ref.optional:
            raise ConfigError(f"couldn't find key {key_ref.key} in ConfigMap {pod.metadata.namespace}/{key_ref.name}")
        return None
    if (secret_ref := source.secret_key_ref) is not None:
        secret = configs.secret(secret_ref.name, optional=secret_ref.optional)
        if secret is not None and secret_ref.key in secret.data:
            return _text(secret.data[secret_ref.key])
        if not secret_ref.optional:
            raise ConfigError(f"couldn't find key {secret_ref.key} in Secret {pod.metadata.namespace}/{secret_ref.name}")
        return None
    raise ConfigError("this kind of valueFrom is not supported by picokube")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def service_variables(pod: Pod, services: Sequence[Service]) -> dict[str, str]:
    """Of the API server's service, and of the pod's own namespace where enableServiceLinks wants them."""
    result: dict[str, str] = {}
    links = pod.spec.enable_service_links is not False
    for service in services:
        is_api = (service.metadata.namespace, service.metadata.name) == ("default", "kubernetes")
        is_own = links and service.metadata.namespace == pod.metadata.namespace
        if (is_api or is_own) and service.spec.cluster_ip not in ("", "None") and service.spec.ports:
            result |= _of_service(service)
    return result


def _of_service(service: Service) -> dict[str, str]:
    name = service.metadata.name.upper().replace("-", "_")
    address, ports = service.spec.cluster_ip, service.spec.ports
    result = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0].port)}
    for port in ports:
        if port.name:
            result[f"{name}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
    first_protocol = (ports[0].protocol or "TCP").lower()
    result[f"{name}_PORT"] = f"{first_protocol}://{address}:{ports[0].port}"
    for port in ports:
        protocol = port.protocol or "TCP"
        prefix = f"{name}_PORT_{port.port}_{protocol}"
        result |= {prefix: f"{protocol.lower()}://{address}:{port.port}", f"{prefix}_PROTO": protocol.lower(),
                   f"{prefix}_PORT": str(port.port), f"{prefix}_ADDR": address}
    return result

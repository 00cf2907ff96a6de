"""Which files configMap, secret, downwardAPI and projected volumes hold. Pure over the objects they are made of."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeapi.generated.models.core_v1 import (
    DownwardAPIVolumeFile,
    KeyToPath,
    Pod,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)
from kubelet.environment import ConfigError, Configs, References
from kubelet.fieldrefs import FieldError, NodeFacts, field_value, resource_value
from kubelet.volumes.atomicwriter import File

DEFAULT_MODE = 0o644
Tokens = Mapping[str, str]                         # path -> token


def volume_references(volumes: Sequence[Volume]) -> References:
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for volume in volumes:
        if volume.config_map:
            config_maps.add(volume.config_map.name)
        if volume.secret:
            secrets.add(volume.secret.secret_name)
        for source in volume.projected.sources if volume.projected else ():
            config_maps |= {source.config_map.name} if source.config_map else set()
            secrets |= {source.secret.name} if source.secret else set()
    return References(frozenset(config_maps), frozenset(secrets))


def is_of_objects(volume: Volume) -> bool:
    """Whether its files may change while the pod runs."""
    return any((volume.config_map, volume.secret, volume.downward_api, volume.projected))


def token_sources(volume: Volume) -> list[ServiceAccountTokenProjection]:
    sources = volume.projected.sources if volume.projected else ()
    return [one.service_account_token for one in sources if one.service_account_token]


def payload(pod: Pod, volume: Volume, configs: Configs, node: NodeFacts, tokens: Tokens) -> dict[str, File]:
    """Raises ConfigError."""
    if (config_map := volume.config_map) is not None:
        return _of_config_map(config_map.name, config_map.items, config_map.default_mode, config_map.optional, configs)
    if (secret := volume.secret) is not None:
        return _of_secret(secret.secret_name, secret.items, secret.default_mode, secret.optional, configs)
    if (downward := volume.downward_api) is not None:
        return _of_fields(pod, downward.items, downward.default_mode, node)
    if volume.projected is None:
        raise ConfigError(f"volume {volume.name} is not made of objects")
    files: dict[str, File] = {}
    for source in volume.projected.sources:
        files |= _projected(pod, source, volume.projected.default_mode, configs, node, tokens)
    return files


def _projected(pod: Pod, source: VolumeProjection, mode: int | None, configs: Configs, node: NodeFacts,
               tokens: Tokens) -> dict[str, File]:
    if (config_map := source.config_map) is not None:
        return _of_config_map(config_map.name, config_map.items, mode, config_map.optional, configs)
    if (secret := source.secret) is not None:
        return _of_secret(secret.name, secret.items, mode, secret.optional, configs)
    if source.downward_api is not None:
        return _of_fields(pod, source.downward_api.items, mode, node)
    if (token := source.service_account_token) is not None:
        return {token.path: File(tokens[token.path].encode(), DEFAULT_MODE if mode is None else mode)}
    raise ConfigError("this kind of projected source is not supported by picokube")


def _of_config_map(name: str, items: Sequence[KeyToPath], mode: int | None, optional: bool | None, configs: Configs) -> dict[str, File]:
    found = configs.config_map(name, optional=optional)
    values = {**{key: text.encode() for key, text in found.data.items()}, **found.binary_data} if found else {}
    return _picked(values, items, mode, bool(optional), "config")


def _of_secret(name: str, items: Sequence[KeyToPath], mode: int | None, optional: bool | None, configs: Configs) -> dict[str, File]:
    found = configs.secret(name, optional=optional)
    return _picked(dict(found.data) if found else {}, items, mode, bool(optional), "secret")


def _picked(values: Mapping[str, bytes], items: Sequence[KeyToPath], mode: int | None, optional: bool, kind: str) -> dict[str, File]:
    default = DEFAULT_MODE if mode is None else mode
    if not items:
        return {key: File(value, default) for key, value in values.items()}
    files = {}
    for item in items:
        if item.key in values:
            files[item.path] = File(values[item.key], default if item.mode is None else item.mode)
        elif not optional:
            raise ConfigError(f"references non-existent {kind} key: {item.key}")
    return files


def _of_fields(pod: Pod, items: Sequence[DownwardAPIVolumeFile], mode: int | None, node: NodeFacts) -> dict[str, File]:
    files = {}
    for item in items:
        try:
            text = (field_value(pod, item.field_ref.field_path, node, tuple(one.ip for one in pod.status.pod_ips)) if item.field_ref
                    else resource_value(pod, item.resource_field_ref, "", node) if item.resource_field_ref else "")
        except FieldError as error:
            raise ConfigError(str(error)) from error
        own = item.mode if item.mode is not None else mode
        files[item.path] = File(text.encode(), DEFAULT_MODE if own is None else own)
    return files

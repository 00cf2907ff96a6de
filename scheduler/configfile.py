"""KubeSchedulerConfiguration: the file that `--config` names. What cannot be followed is refused, all of it at once and by its path.

Fields that tune what is not here (parallelism, profiling, client rate limits) are accepted and do nothing.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from kubeapi.yamldoc import YamlError, load_all
from scheduler.configuration import Configuration
from scheduler.pluginargs import ARGS, Args, Percent, Section
from scheduler.profile import DEFAULT_SCHEDULER, Profile
from scheduler.queue import INITIAL_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS
from scheduler.registry import ALL, IN_TREE, POINTS, PluginSet, assemble

API_VERSION, KIND = "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"
# At work in every profile, and not to be had otherwise.
ALWAYS = {"PrioritySort": "queueSort", "DefaultBinder": "bind"}
NOT_HERE = {"VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "DynamicResources", "NodeDeclaredFeatures"}


class ConfigError(ValueError):
    """The file cannot be read, or says what cannot be done."""


class NamedPlugin(Section):
    name: str
    weight: Annotated[int, Field(ge=0)] = 0


class PluginSetSection(Section):
    enabled: list[NamedPlugin] = []
    disabled: list[NamedPlugin] = []

    def read(self) -> PluginSet:
        return PluginSet({one.name: one.weight for one in self.enabled if one.name not in ALWAYS}, frozenset(one.name for one in self.disabled))


class PluginConfig(Section):
    name: str
    args: Mapping[str, Any] = {}


class ProfileSection(Section):
    scheduler_name: str = ""
    percentage_of_nodes_to_score: Percent | None = None
    plugins: Mapping[str, PluginSetSection] = {}
    plugin_config: list[PluginConfig] = []


class LeaderElection(Section, extra="ignore"):
    leader_elect: bool = True


class ClientConnection(Section, extra="ignore"):
    kubeconfig: str = ""


class File(Section):
    api_version: Literal["kubescheduler.config.k8s.io/v1"]
    kind: Literal["KubeSchedulerConfiguration"]
    profiles: list[ProfileSection] = [ProfileSection()]
    percentage_of_nodes_to_score: Percent | None = None
    pod_initial_backoff_seconds: Annotated[float, Field(gt=0)] = INITIAL_BACKOFF_SECONDS
    pod_max_backoff_seconds: Annotated[float, Field(gt=0)] = LONGEST_BACKOFF_SECONDS
    leader_election: LeaderElection = LeaderElection()
    client_connection: ClientConnection = ClientConnection()
    parallelism: int = 16
    enable_profiling: bool = False
    enable_contention_profiling: bool = False


def load(path: str) -> Configuration:
    """Raises ConfigError."""
    try:
        return read(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def read(text: str | bytes) -> Configuration:
    try:
        documents = [one for one in load_all(text) if one is not None]
    except YamlError as error:
        raise ConfigError(str(error)) from error
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ConfigError(f"one document of kind {KIND} is expected")
    try:
        told = File.model_validate(documents[0])
    except ValidationError as error:
        raise ConfigError("; ".join(_fault(one, "") for one in error.errors())) from None
    names = [_name(told, profile) for profile in told.profiles]
    if faults := [*_name_faults(names), *_backoff_faults(told)]:
        raise ConfigError("; ".join(faults))
    return Configuration([_profile(told, index, name) for index, name in enumerate(names)], told.pod_initial_backoff_seconds,
                         told.pod_max_backoff_seconds, told.leader_election.leader_elect, told.client_connection.kubeconfig)


def _name(told: File, profile: ProfileSection) -> str:
    return profile.scheduler_name or (DEFAULT_SCHEDULER if len(told.profiles) == 1 else "")


def _name_faults(names: Sequence[str]) -> list[str]:
    if not names:
        return ["profiles: Required value"]
    return [f"profiles[{index}].schedulerName: Required value" if not name else f'profiles[{index}].schedulerName: Duplicate value: "{name}"'
            for index, name in enumerate(names) if not name or name in names[:index]]


def _backoff_faults(told: File) -> list[str]:
    if told.pod_max_backoff_seconds >= told.pod_initial_backoff_seconds:
        return []
    return [f"podMaxBackoffSeconds: Invalid value: {told.pod_max_backoff_seconds:g}: must be greater than or equal to PodInitialBackoffSeconds"]


def _profile(told: File, index: int, name: str) -> Profile:
    profile, path = told.profiles[index], f"profiles[{index}]"
    configured, faults = _made(profile.plugin_config, f"{path}.pluginConfig")
    if faults := [*_plugin_faults(profile.plugins, f"{path}.plugins"), *faults]:
        raise ConfigError("; ".join(faults))
    percentages = (profile.percentage_of_nodes_to_score, told.percentage_of_nodes_to_score, 0)
    return assemble(name, {point: one.read() for point, one in profile.plugins.items()}, configured,
                    next(one for one in percentages if one is not None))


def _plugin_faults(sets: Mapping[str, PluginSetSection], path: str) -> list[str]:
    """Points, names, and whether the plugin works at that point."""
    faults = [f'unknown field "{path}.{point}"' for point in sets if point not in (*POINTS, "multiPoint")]
    for point, one in sets.items():
        for list_name, plugins in (("enabled", one.enabled), ("disabled", one.disabled)):
            faults += [f"{path}.{point}.{list_name}[{index}]: {fault}" for index, plugin in enumerate(plugins)
                       if (fault := _plugin_fault(plugin.name, point, list_name == "enabled"))]
    return faults


def _plugin_fault(name: str, point: str, is_enabled: bool) -> str:
    if name == ALL and not is_enabled:
        return f"no other plugin can do what {point} is for" if point in ALWAYS.values() else ""
    if name in NOT_HERE:
        return f'plugin "{name}" is not available in picokube' if is_enabled else ""
    if name in ALWAYS:
        return "" if is_enabled else f'plugin "{name}" cannot be disabled: there is no other'
    if name not in IN_TREE:
        return f'unknown plugin "{name}"'
    if is_enabled and point != "multiPoint" and point not in IN_TREE[name].points:
        return f'plugin "{name}" does not extend {point}'
    return ""


def _made(told: Sequence[PluginConfig], path: str) -> tuple[dict[str, Any], list[str]]:
    made: dict[str, Any] = {}
    faults: list[str] = []
    for index, one in enumerate(told):
        kind = ARGS.get(one.name)
        if one.name in made:
            faults.append(f'{path}[{index}]: Duplicate value: "{one.name}"')
        elif kind is not None:
            try:
                made[one.name] = _checked(kind, one).make()
            except ValidationError as error:
                faults += [_fault(fault, f"{path}[{index}].args.") for fault in error.errors()]
        elif one.name not in IN_TREE:
            faults.append(f'{path}[{index}]: unknown plugin "{one.name}"')
        elif one.args:
            faults.append(f'{path}[{index}]: plugin "{one.name}" takes no arguments')
    return made, faults


def _checked(kind: type[Args], told: PluginConfig) -> Args:
    args = kind.model_validate(dict(told.args))
    if args.kind not in ("", kind.__name__):
        raise ValidationError.from_exception_data(kind.__name__, [{
            "type": "value_error", "loc": ("kind",), "input": args.kind, "ctx": {"error": ValueError(f"{kind.__name__} is expected")}}])
    return args


def _fault(error: Any, prefix: str) -> str:
    path = prefix + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).removeprefix(".")
    if error["type"] == "extra_forbidden":
        return f'unknown field "{path}"'
    if error["type"] == "missing":
        return f"{path}: Required value"
    value = error["input"] if isinstance(error["input"], str | int | float | bool) else type(error["input"]).__name__
    return f"{path.rstrip('.')}: Invalid value: {value!r}: {error['msg'].removeprefix('Value error, ')}"

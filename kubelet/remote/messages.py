"""The messages of runtime.v1, as far as a kubelet of Linux machines has a use for them: what is not here is neither sent nor read.

A field is `number name`, a string unless a type follows: int, bool, bytes, map (of strings) or another message; `*` is a list.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cache

SERVICE, IMAGES = "/runtime.v1.RuntimeService/", "/runtime.v1.ImageService/"

TABLE = """
VersionRequest               1 version
VersionResponse              1 version, 2 runtime_name, 3 runtime_version, 4 runtime_api_version
StatusRequest                1 verbose:bool
StatusResponse               1 status:RuntimeStatus, 2 info:map, 3 runtime_handlers:*RuntimeHandler
RuntimeHandler               1 name, 2 features:RuntimeHandlerFeatures
RuntimeHandlerFeatures       1 recursive_read_only_mounts:bool, 2 user_namespaces:bool
RuntimeStatus                1 conditions:*RuntimeCondition
RuntimeCondition             1 type, 2 status:bool, 3 reason, 4 message
UpdateRuntimeConfigRequest   1 runtime_config:RuntimeConfig
UpdateRuntimeConfigResponse
RuntimeConfig                1 network_config:NetworkConfig
NetworkConfig                1 pod_cidr

RunPodSandboxRequest         1 config:PodSandboxConfig, 2 runtime_handler
RunPodSandboxResponse        1 pod_sandbox_id
StopPodSandboxRequest        1 pod_sandbox_id
StopPodSandboxResponse
RemovePodSandboxRequest      1 pod_sandbox_id
RemovePodSandboxResponse
PodSandboxStatusRequest      1 pod_sandbox_id, 2 verbose:bool
PodSandboxStatusResponse     1 status:PodSandboxStatus, 2 info:map
ListPodSandboxRequest        1 filter:PodSandboxFilter
ListPodSandboxResponse       1 items:*PodSandbox
PodSandboxFilter             1 id, 3 label_selector:map
PodSandbox                   1 id, 2 metadata:PodSandboxMetadata, 3 state:int, 4 created_at:int, 5 labels:map, 6 annotations:map, 7 runtime_handler
PodSandboxStatus             1 id, 2 metadata:PodSandboxMetadata, 3 state:int, 4 created_at:int, 5 network:PodSandboxNetworkStatus, 7 labels:map, 8 annotations:map, 9 runtime_handler
PodSandboxNetworkStatus      1 ip, 2 additional_ips:*PodIP
PodIP                        1 ip
PodSandboxMetadata           1 name, 2 uid, 3 namespace, 4 attempt:int
PodSandboxConfig             1 metadata:PodSandboxMetadata, 2 hostname, 3 log_directory, 4 dns_config:DNSConfig, 5 port_mappings:*PortMapping, 6 labels:map, 7 annotations:map, 8 linux:LinuxPodSandboxConfig
DNSConfig                    1 servers:*, 2 searches:*, 3 options:*
PortMapping                  1 protocol:int, 2 container_port:int, 3 host_port:int, 4 host_ip
LinuxPodSandboxConfig        1 cgroup_parent, 2 security_context:LinuxSandboxSecurityContext, 3 sysctls:map, 5 resources:LinuxContainerResources
LinuxSandboxSecurityContext  1 namespace_options:NamespaceOption, 6 privileged:bool, 9 seccomp:SecurityProfile
NamespaceOption              1 network:int, 2 pid:int, 3 ipc:int, 4 target_id, 5 userns_options:UserNamespace
UserNamespace                1 mode:int, 2 uids:*IDMapping, 3 gids:*IDMapping
IDMapping                    1 host_id:int, 2 container_id:int, 3 length:int
SecurityProfile              1 profile_type:int, 2 localhost_ref

CreateContainerRequest       1 pod_sandbox_id, 2 config:ContainerConfig, 3 sandbox_config:PodSandboxConfig
CreateContainerResponse      1 container_id
StartContainerRequest        1 container_id
StartContainerResponse
StopContainerRequest         1 container_id, 2 timeout:int
StopContainerResponse
RemoveContainerRequest       1 container_id
RemoveContainerResponse
ListContainersRequest        1 filter:ContainerFilter
ListContainersResponse       1 containers:*Container
ContainerFilter              1 id, 3 pod_sandbox_id, 4 label_selector:map
Container                    1 id, 2 pod_sandbox_id, 3 metadata:ContainerMetadata, 6 state:int, 7 created_at:int, 8 labels:map, 9 annotations:map
ContainerMetadata            1 name, 2 attempt:int
ContainerStatusRequest       1 container_id, 2 verbose:bool
ContainerStatusResponse      1 status:ContainerStatus, 2 info:map
ContainerStatus              1 id, 2 metadata:ContainerMetadata, 3 state:int, 4 created_at:int, 5 started_at:int, 6 finished_at:int, 7 exit_code:int, 8 image:ImageSpec, 9 image_ref, 10 reason, 11 message, 12 labels:map, 13 annotations:map, 15 log_path, 19 stop_signal:int
UpdateContainerResourcesRequest  1 container_id, 2 linux:LinuxContainerResources, 4 annotations:map
UpdateContainerResourcesResponse
ReopenContainerLogRequest    1 container_id
ReopenContainerLogResponse
ContainerConfig              1 metadata:ContainerMetadata, 2 image:ImageSpec, 3 command:*, 4 args:*, 5 working_dir, 6 envs:*KeyValue, 7 mounts:*Mount, 8 devices:*Device, 9 labels:map, 10 annotations:map, 11 log_path, 12 stdin:bool, 13 stdin_once:bool, 14 tty:bool, 15 linux:LinuxContainerConfig, 18 stop_signal:int
KeyValue                     1 key, 2 value
Mount                        1 container_path, 2 host_path, 3 readonly:bool, 5 propagation:int, 6 uid_mappings:*IDMapping, 7 gid_mappings:*IDMapping
Device                       1 container_path, 2 host_path, 3 permissions
LinuxContainerConfig         1 resources:LinuxContainerResources, 2 security_context:LinuxContainerSecurityContext
LinuxContainerResources      1 cpu_period:int, 2 cpu_quota:int, 3 cpu_shares:int, 4 memory_limit_in_bytes:int, 5 oom_score_adj:int, 8 hugepage_limits:*HugepageLimit, 9 unified:map
HugepageLimit                1 page_size, 2 limit:int
LinuxContainerSecurityContext  1 capabilities:Capability, 2 privileged:bool, 3 namespace_options:NamespaceOption, 5 run_as_user:Int64Value, 7 readonly_rootfs:bool, 8 supplemental_groups:*int, 11 no_new_privs:bool, 12 run_as_group:Int64Value, 13 masked_paths:*, 14 readonly_paths:*, 15 seccomp:SecurityProfile, 17 supplemental_groups_policy:int
Capability                   1 add_capabilities:*, 2 drop_capabilities:*
Int64Value                   1 value:int

ExecSyncRequest              1 container_id, 2 cmd:*, 3 timeout:int
ExecSyncResponse             1 stdout:bytes, 2 stderr:bytes, 3 exit_code:int
ExecRequest                  1 container_id, 2 cmd:*, 3 tty:bool, 4 stdin:bool, 5 stdout:bool, 6 stderr:bool
ExecResponse                 1 url
AttachRequest                1 container_id, 2 stdin:bool, 3 tty:bool, 4 stdout:bool, 5 stderr:bool
AttachResponse               1 url
PortForwardRequest           1 pod_sandbox_id, 2 port:*int
PortForwardResponse          1 url
ListContainerStatsRequest
ListContainerStatsResponse   1 stats:*ContainerStats
ContainerStats               1 attributes:ContainerAttributes, 2 cpu:CpuUsage, 3 memory:MemoryUsage
ContainerAttributes          1 id
CpuUsage                     1 timestamp:int, 2 usage_core_nano_seconds:UInt64Value
MemoryUsage                  1 timestamp:int, 2 working_set_bytes:UInt64Value, 4 usage_bytes:UInt64Value
UInt64Value                  1 value:int

ImageSpec                    1 image, 2 annotations:map, 18 user_specified_image, 19 runtime_handler
Image                        1 id, 2 repo_tags:*, 3 repo_digests:*, 4 size:int, 5 uid:Int64Value, 6 username, 8 pinned:bool
ListImagesRequest
ListImagesResponse           1 images:*Image
ImageStatusRequest           1 image:ImageSpec, 2 verbose:bool
ImageStatusResponse          1 image:Image, 2 info:map
PullImageRequest             1 image:ImageSpec, 2 auth:AuthConfig, 3 sandbox_config:PodSandboxConfig
PullImageResponse            1 image_ref
AuthConfig                   1 username, 2 password, 3 auth, 4 server_address, 5 identity_token, 6 registry_token
RemoveImageRequest           1 image:ImageSpec
RemoveImageResponse
ImageFsInfoRequest
ImageFsInfoResponse          1 image_filesystems:*FilesystemUsage
FilesystemUsage              1 timestamp:int, 2 fs_id:FilesystemIdentifier, 3 used_bytes:UInt64Value, 4 inodes_used:UInt64Value
FilesystemIdentifier         1 mountpoint
"""


@dataclass(frozen=True, slots=True)
class Field:
    number: int
    name: str
    type: str                          # string, int, bool, bytes, map, or a message's name
    is_list: bool


@cache
def messages() -> dict[str, tuple[Field, ...]]:
    return {name: tuple(map(_field, filter(None, fields.strip().split(", "))))
            for name, _, fields in (line.partition(" ") for line in TABLE.splitlines() if line)}


def _field(text: str) -> Field:
    number, _, rest = text.partition(" ")
    name, _, type = rest.partition(":")
    return Field(int(number), name, type.removeprefix("*") or "string", type.startswith("*"))

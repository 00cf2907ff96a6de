"""A container's environment: its own, its image's, what refers to objects and to itself, services'."""
from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.kubelet.place import Place, can_run_pods, shell

pytestmark = can_run_pods
Document = dict[str, Any]


def variables(place: Place, env: list[Document], **fields: Any) -> dict[str, str]:
    main = shell("env -0 | tr '\\0' '\\1' | tr '\\n' '|' | tr '\\1' '\\n'", env=env, **fields.pop("of_container", {}))
    pod = place.ended("p", main, **fields)
    assert pod["status"]["phase"] == "Succeeded", pod["status"]
    return dict(line.split("=", 1) for line in place.log().splitlines() if "=" in line)


def test_references_and_escapes(place: Place) -> None:
    found = variables(place, [
        {"name": "A", "value": "a"}, {"name": "B", "value": "$(A)-$(NONE)-$$(A)-$$$(A)"}, {"name": "EARLY", "value": "$(LATE)"},
        {"name": "LATE", "value": "x"}, {"name": "PATH2", "value": "$(PATH)"}, {"name": "EMPTY"}])
    assert (found["B"], found["EARLY"], found["EMPTY"], found["PATH2"]) == ("a-$(NONE)-$(A)-$a", "$(LATE)", "", "$(PATH)")
    assert (found["PATH"], found["HOSTNAME"], found["HOME"]) == ("/bin", "p", "/root")


def test_commands_and_arguments_refer_to_variables(place: Place) -> None:
    place.ended("p", {**shell(""), "command": ["echo", "$(A)", "$$(A)", "$(NONE)"], "args": ["$(A)$(A)"], "env": [{"name": "A", "value": "1"}]})
    assert place.log() == "1 $(A) $(NONE) 11\n"


def test_objects_keys(place: Place) -> None:
    path = f"/api/v1/namespaces/{place.namespace}"
    place.create(f"{path}/configmaps", {"metadata": {"name": "c"}, "data": {"k": "v", "OTHER": "o"}})
    place.create(f"{path}/secrets", {"metadata": {"name": "s"}, "stringData": {"k": "hidden", "OTHER": "secret"}})

    def key(kind: str, name: str, key: str, **more: Any) -> Document:
        return {"valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}
    found = variables(place, [
        {"name": "C", **key("configMap", "c", "k")}, {"name": "S", **key("secret", "s", "k")},
        {"name": "NO_KEY", **key("configMap", "c", "none", optional=True)}, {"name": "NO_MAP", **key("configMap", "none", "k", optional=True)},
        {"name": "NO_SECRET", **key("secret", "none", "k", optional=True)}, {"name": "SEES", "value": "$(C) $(P_OTHER)"},
    ], of_container={"envFrom": [{"configMapRef": {"name": "c"}, "prefix": "P_"}, {"secretRef": {"name": "s"}},
                                 {"configMapRef": {"name": "none", "optional": True}}]})
    assert (found["C"], found["S"], found["SEES"], found["P_OTHER"], found["OTHER"]) == ("v", "hidden", "v o", "o", "secret")
    assert not found.keys() & {"NO_KEY", "NO_MAP", "NO_SECRET"}


def test_fields_of_the_pod_and_resources(place: Place) -> None:
    def field(path: str) -> Document:
        return {"valueFrom": {"fieldRef": {"fieldPath": path}}}

    def resource(name: str, **more: Any) -> Document:
        return {"valueFrom": {"resourceFieldRef": {"resource": name, **more}}}
    resources = {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "1500m", "memory": "64Mi"}}
    found = variables(place, [
        {"name": "NAME", **field("metadata.name")}, {"name": "NAMESPACE", **field("metadata.namespace")}, {"name": "UID", **field("metadata.uid")},
        {"name": "LABEL", **field("metadata.labels['app']")}, {"name": "NOTE", **field("metadata.annotations['note']")},
        {"name": "NODE", **field("spec.nodeName")}, {"name": "ACCOUNT", **field("spec.serviceAccountName")},
        {"name": "POD_IP", **field("status.podIP")}, {"name": "HOST_IP", **field("status.hostIP")},
        {"name": "CPU", **resource("limits.cpu")}, {"name": "MILLI", **resource("limits.cpu", divisor="1m")},
        {"name": "REQUEST", **resource("requests.cpu", divisor="1m")}, {"name": "MEMORY", **resource("limits.memory", divisor="1Mi")},
        {"name": "BYTES", **resource("requests.memory")}, {"name": "OTHER", **resource("limits.cpu", containerName="other", divisor="1m")},
        {"name": "DISK", **resource("limits.ephemeral-storage")},
    ], of_container={"resources": resources}, metadata={"labels": {"app": "x"}, "annotations": {"note": "n"}},
        initContainers=[shell("true", "other", resources={"limits": {"cpu": "200m"}})])
    pod = place.cluster.request("GET", f"{place.pods}/p")[1]
    assert (found["NAME"], found["NAMESPACE"], found["UID"], found["LABEL"], found["NOTE"]) == ("p", place.namespace, pod["metadata"]["uid"], "x", "n")
    assert (found["NODE"], found["ACCOUNT"], found["POD_IP"], found["HOST_IP"]) == (
        place.node, "default", pod["status"]["podIP"], pod["status"]["hostIP"])
    assert [found[name] for name in ("CPU", "MILLI", "REQUEST", "MEMORY", "BYTES", "OTHER")] == ["2", "1500", "250", "64", str(32 << 20), "200"]
    assert int(found["DISK"]) > 1 << 30                 # no limit: what the node has


@pytest.mark.parametrize("links", [True, False])
def test_services(place: Place, links: bool) -> None:
    service = place.create(f"/api/v1/namespaces/{place.namespace}/services", {"metadata": {"name": "my-web"}, "spec": {
        "ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]}})
    place.running("first")                              # the kubelet has heard of the service when it has heard of a pod made after it
    found = variables(place, [{"name": "SEES", "value": "$(MY_WEB_SERVICE_HOST)"}], enableServiceLinks=links)
    address = service["spec"]["clusterIP"]
    assert {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBERNETES_PORT_443_TCP_ADDR"} <= found.keys()
    assert found["SEES"] == (address if links else "$(MY_WEB_SERVICE_HOST)")
    of_service = {name: value for name, value in found.items() if name.startswith("MY_WEB")}
    assert of_service == ({
        "MY_WEB_SERVICE_HOST": address, "MY_WEB_SERVICE_PORT": "80", "MY_WEB_SERVICE_PORT_HTTP": "80", "MY_WEB_SERVICE_PORT_DNS": "53",
        "MY_WEB_PORT": f"tcp://{address}:80", "MY_WEB_PORT_80_TCP": f"tcp://{address}:80", "MY_WEB_PORT_80_TCP_PROTO": "tcp",
        "MY_WEB_PORT_80_TCP_PORT": "80", "MY_WEB_PORT_80_TCP_ADDR": address, "MY_WEB_PORT_53_UDP": f"udp://{address}:53",
        "MY_WEB_PORT_53_UDP_PROTO": "udp", "MY_WEB_PORT_53_UDP_PORT": "53", "MY_WEB_PORT_53_UDP_ADDR": address} if links else {})

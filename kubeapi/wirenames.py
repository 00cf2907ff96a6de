"""snake_case attribute names to the API's camelCase, with its initialisms (`pod_ip` is `podIP`, not `podIp`).

pydantic's own `to_camel` gives podIp, imageId and clusterIps; the wire says podIP, imageID and clusterIPs.
"""
from __future__ import annotations

from functools import cache

# Words that are upper case unless they open the name; `wire_name` must invert `snake_name` for every field of
# the facts: the generator checks it and keeps what cannot be derived in generated/wirenames.py.
INITIALISMS = {
    "ip": "IP", "ips": "IPs", "id": "ID", "ids": "IDs", "uid": "UID", "uids": "UIDs", "url": "URL", "uri": "URI", "api": "API",
    "cidr": "CIDR", "cidrs": "CIDRs", "fqdn": "FQDN", "ca": "CA", "pid": "PID", "ipc": "IPC", "dns": "DNS", "fs": "FS", "os": "OS",
    "tls": "TLS", "uuid": "UUID", "urls": "URLs", "wwn": "WWN", "wwns": "WWNs", "cpu": "CPU", "gc": "GC", "io": "IO", "ok": "OK",
}


@cache
def wire_name(snake: str) -> str:
    """The JSON name of an attribute; a trailing underscore (Python keywords, BaseModel's own names) is dropped."""
    from kubeapi.generated.wirenames import EXCEPTIONS
    if (exception := EXCEPTIONS.get(snake)) is not None:
        return exception
    first, *rest = snake.rstrip("_").split("_")
    return first + "".join(INITIALISMS.get(word) or word[:1].upper() + word[1:] for word in rest)

"""The node's own nftables table: the guard, the masquerading of what pods send out of the cluster, and their host ports.

The guard: an address of the service range that nobody translated is refused at once, by a reset or an ICMP error, and
never leaves the node. Translation happens earlier (nat hooks), so only unknown services get here.
"""
from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from kubelet.cri import CriError
from kubelet.network import hostports, naming
from kubelet.network.hostports import HostPort

SECONDS = 30


def ruleset(cluster: str, cluster_cidr: str, service_cidr: str, source: str, ports: Sequence[HostPort] = ()) -> str:
    """The whole table, which replaces the one that was there. `source` is the node's address as pods see it."""
    table, links = naming.table(cluster), naming.link_prefix(cluster)
    guard = ""
    if service_cidr:
        refuse = f"ip daddr {service_cidr} meta l4proto tcp reject with tcp reset; ip daddr {service_cidr} reject;"
        guard = f"""
 chain guard_forward {{ type filter hook forward priority 0; policy accept; {refuse} }}
 chain guard_output {{ type filter hook output priority 0; policy accept; {refuse} }}"""
    return f"""table ip {table} {{}}
delete table ip {table}
table ip {table} {{{guard}{hostports.definitions(cluster, source)}
 chain masquerade_pods {{ type nat hook postrouting priority srcnat; policy accept;
  ip saddr {cluster_cidr} ip daddr != {cluster_cidr} oifname != "{links}*" oifname != "lo" masquerade; }}
}}
{hostports.contents(cluster, ports)}"""


def node_network_ruleset(cluster: str, network: str) -> str:
    """For the machine that hosts nodes in namespaces: what they send to the world goes out under its address."""
    table, links = f"{naming.table(cluster)}-nodes", naming.link_prefix(cluster)
    return f"""table ip {table} {{}}
delete table ip {table}
table ip {table} {{
 chain masquerade_nodes {{ type nat hook postrouting priority srcnat; policy accept;
  ip saddr {network} oifname != "{links}*" oifname != "lo" masquerade; }}
}}
"""


def apply(rules: str) -> None:
    try:
        done = subprocess.run(["nft", "-f", "-"], input=rules, text=True, capture_output=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise CriError("NetworkPluginNotReady", "nft is not installed (Debian: apt install nftables)") from None
    if done.returncode:
        raise CriError("NetworkPluginNotReady", f"nft refused the node's rules: {done.stderr.strip()}")


def accept_forwarding(cluster: str, ranges: Sequence[str]) -> None:
    """Where another program drops what is forwarded (docker does: `filter FORWARD policy drop`), lets ours through."""
    chain = _forward_chain()
    if not chain or chain["chain"].get("policy") != "drop":
        return
    comment = _comment(cluster)
    if any(rule.get("comment") == comment for rule in _forward_rules()):
        return
    apply("".join(f'insert rule ip filter FORWARD ip {side} {one} accept comment "{comment}"\n'
                  for one in ranges for side in ("saddr", "daddr")))


def remove(cluster: str) -> None:
    names = {naming.table(cluster), f"{naming.table(cluster)}-nodes"}
    tables = [one["table"] for one in _listed(["list", "tables", "ip"]) if "table" in one]
    rules = [f"delete table ip {one['name']}\n" for one in tables if one["name"] in names]
    if any(one["name"] == "filter" for one in tables):
        rules += [f"delete rule ip filter FORWARD handle {rule['handle']}\n" for rule in _forward_rules()
                  if rule.get("comment") == _comment(cluster)]
    if rules:
        apply("".join(rules))


def _comment(cluster: str) -> str:
    return f"picokube {cluster}"


def _forward_chain() -> dict[str, dict[str, str]] | None:
    return next((one for one in _listed(["list", "chain", "ip", "filter", "FORWARD"]) if "chain" in one), None)


def _forward_rules() -> list[dict[str, str]]:
    return [one["rule"] for one in _listed(["list", "chain", "ip", "filter", "FORWARD"]) if "rule" in one]


def _listed(arguments: Sequence[str]) -> list[dict[str, dict[str, str]]]:
    """nft's answer, or nothing where there is no such thing."""
    try:
        done = subprocess.run(["nft", "-j", *arguments], capture_output=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        return []
    return list(json.loads(done.stdout)["nftables"]) if done.returncode == 0 and done.stdout else []

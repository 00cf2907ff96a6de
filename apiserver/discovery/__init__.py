"""Discovery over HTTP: /api, /apis and below, in the legacy and the aggregated form; made once, answered as bytes."""
from apiserver.discovery.endpoints import DiscoveryEndpoints

__all__ = ["DiscoveryEndpoints"]

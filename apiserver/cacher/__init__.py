"""The watch cache: every object as encoded bytes, every change in one log per resource, every reader served from them.

    WatchHub    one watch over all of storage, routed to one Cacher per resource; knows which revision has been seen
    Cacher      get, list, watch of one resource
    Selection   which objects a reader wants;  Snapshot: what a list found;  Watcher: an iterator of chunks of lines
"""
from apiserver.cacher.cacher import Cacher, Snapshot
from apiserver.cacher.document import encode_for_storage, item_of, with_resource_version
from apiserver.cacher.hub import WatchHub
from apiserver.cacher.lines import JsonLines, Representation
from apiserver.cacher.objects import CachedObject
from apiserver.cacher.selection import EVERYTHING, Selection
from apiserver.cacher.watcher import Watcher

__all__ = ["EVERYTHING", "CachedObject", "Cacher", "JsonLines", "Representation", "Selection", "Snapshot", "WatchHub",
           "Watcher", "encode_for_storage", "item_of", "with_resource_version"]

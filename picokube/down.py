"""`picokube down` stops everything, pods included, and keeps the data; `reset` deletes the data and the context too."""
from __future__ import annotations

import shutil
import sys
from argparse import Namespace

from picokube import kubeconfigs
from picokube.cluster import Cluster, existing, find
from picokube.errors import CannotRun
from picokube.nodes import clean_up
from picokube.processes import stop

GRACE_SECONDS = 60.0


def down(options: Namespace) -> int:
    cluster = find(options.name, options.data_dir)
    if cluster is None:
        print(f"there is no cluster {options.name!r} here")
        return 0
    was_running = stop_everything(cluster)
    print(f"cluster {cluster.name!r} {'is down' if was_running else 'was not running'}; its data stays in {cluster.data}")
    return 0


def reset(options: Namespace) -> int:
    cluster = existing(options.name, options.data_dir)
    stop_everything(cluster)
    try:
        kubeconfigs.remove_context(cluster.context)
    except CannotRun as error:              # the user's file is not ours to mend, and no reason to keep the data
        print(f"picokube: {error}", file=sys.stderr)
    shutil.rmtree(cluster.data)
    cluster.forget()
    print(f"cluster {cluster.name!r} and its data are gone")
    return 0


def stop_everything(cluster: Cluster) -> bool:
    """Whether anything ran. Safe to repeat, and after a `kill -9` of everything."""
    parent = cluster.parent()
    if parent is not None:
        stop(parent, GRACE_SECONDS)
    for leftover in (cluster.run / "parent.json", cluster.run / "status.json"):
        leftover.unlink(missing_ok=True)
    clean_up(cluster)
    return parent is not None

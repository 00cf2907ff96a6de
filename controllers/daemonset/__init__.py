"""DaemonSet: one pod on every node that suits it, replaced node by node when the template changes.

    nodes.py        which nodes suit, and the pod made for one of them, pure
    placement.py    what is missing and what is too much, node by node, pure
    rolling.py      one step of a rolling update within maxUnavailable or maxSurge, pure
    backoff.py      how long failed pods stay
    status.py       counts, pure
    reconciler.py   the algorithm
"""

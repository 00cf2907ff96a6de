"""Deployment: one ReplicaSet per template, moved from the old ones to the new one within maxSurge and maxUnavailable.

    templates.py    which ReplicaSet carries which template: hash, equality, revisions
    rolling.py      the arithmetic of one step, pure
    status.py       counts and conditions, pure
    reconciler.py   the algorithm
"""

"""The controllers: each a watch-reconcile loop that makes the cluster what its objects say.

Promises: a reconcile reads caches, writes compare-and-swap, and may be killed between any two lines; it acts on its own stale
cache never twice (expectations). Retry, back-off and metrics are kubeclient.Controller's; a reconciler is its domain only.
"""

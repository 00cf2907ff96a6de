"""The API server: storage <- cacher <- registry <- admission <- http, over etcd.

Promises: what was answered with 2xx is durable; a watch misses nothing and repeats nothing, or ends with 410; reads are as new as their
resourceVersion asks. It keeps nothing of its own: any number of servers may stand over one etcd, and each may be killed at any moment.
"""

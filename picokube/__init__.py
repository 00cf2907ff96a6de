"""The launcher: `picokube up` makes a cluster, `down` leaves no trace of it but its data.

Promises: `up` again is fine, after `kill -9` of everything too; every process of a cluster is a child of one warm parent and
dies with it (pods excepted: the next kubelet adopts them); everything made carries the cluster's name and is found by it.
"""

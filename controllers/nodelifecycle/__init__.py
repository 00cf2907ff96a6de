"""What becomes of a node that falls silent, and of its pods.

    hearings.py     when each node was last heard of
    conditions.py   what is said of a silent node, and the taints that conditions ask for; pure
    zones.py        how bad it is where, and how fast nodes may be given up
    reconciler.py   one node: declare it Unknown, taint it, say that its pods are not ready
    eviction.py     pods leave a node that has a NoExecute taint, each when its tolerations end

A kubelet renews its Lease every ten seconds. When that has not been seen for --node-monitor-grace-period, the node's conditions become
Unknown and no new pods go there. Then the node is tainted NoExecute: at once for one node, but one after the other, and not at all
where most of a zone is silent: then it is rather the network than the nodes, and moving everything would make it worse.
"""

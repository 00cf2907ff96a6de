"""What `kubectl debug` puts into the cluster, as pure functions: the container, the copy of a pod, the pod on a node, and the profiles."""

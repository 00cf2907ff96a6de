"""The kubelet's own HTTPS server: logs, exec and attach for the API server, and what is there to see of the node."""

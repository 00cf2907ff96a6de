"""Which Kubernetes picokube speaks on the wire, and its own version as a semantic build suffix."""
GIT_VERSION = "v1.36.0+picokube0.1.0"

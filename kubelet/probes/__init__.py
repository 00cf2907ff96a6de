"""Startup, readiness and liveness: what probes found of a pod's containers, and the tasks that find it."""

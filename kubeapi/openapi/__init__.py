"""OpenAPI documents of what is served: v3 per group-version, v2 of everything, as JSON and in gnostic's protobuf form."""
from kubeapi.openapi import gnostic, v2
from kubeapi.openapi.v3 import document, group_versions

__all__ = ["document", "gnostic", "group_versions", "v2"]

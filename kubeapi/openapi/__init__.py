"""OpenAPI v3 documents, one per group-version, made from the catalog and the Schemas when first asked for."""
from kubeapi.openapi.v3 import document, group_versions

__all__ = ["document", "group_versions"]

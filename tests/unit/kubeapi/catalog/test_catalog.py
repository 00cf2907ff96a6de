"""The catalog: every line makes a resource whose schema exists; nothing heavy is imported."""
from __future__ import annotations

import subprocess
import sys

import pytest

from kubeapi import catalog
from kubeapi.conversion import event_from_core, event_to_core
from kubeapi.resource import Resource
from kubeapi.schemas import field_of, schema_of


def _id(resource: Resource) -> str:
    return str(resource.group_resource)


@pytest.mark.parametrize("resource", catalog.RESOURCES, ids=_id)
def test_every_version_of_a_resource_has_a_schema(resource: Resource) -> None:
    for version in resource.versions:
        assert {"apiVersion", "kind", "metadata"} <= version.schema().properties.keys()
    for subresource in resource.subresources.values():
        if not subresource.response_kind.kind.endswith("Options"):
            assert schema_of(*subresource.response_kind).properties


@pytest.mark.parametrize("resource", [r for r in catalog.RESOURCES if "list" in r.verbs], ids=_id)
def test_a_listable_resource_has_a_list_kind(resource: Resource) -> None:
    schema = schema_of(resource.group, resource.storage_version, f"{resource.kind}List")
    items = field_of(schema, "items")
    assert items is not None and items.items is not None
    assert items.items.ref.endswith("." + resource.kind)


def test_the_catalog_imports_no_model() -> None:
    program = "import sys, kubeapi.catalog; assert 'pydantic' not in sys.modules and 'asyncio' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_a_resource_is_found_by_plural_and_by_kind() -> None:
    assert catalog.by_plural("", "pods") is catalog.by_kind("", "Pod")
    with pytest.raises(KeyError):
        catalog.by_plural("", "gadgets")


def test_an_event_survives_the_way_to_storage_and_back() -> None:
    event = {"apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "n", "regarding": {"kind": "Pod"},
             "deprecatedCount": 2, "reportingController": "c", "eventTime": None}
    stored = event_to_core(event)
    assert stored["message"] == "n" and stored["involvedObject"] == {"kind": "Pod"} and stored["apiVersion"] == "v1"
    assert event_from_core(stored) == event

"""Which kinds a PUT creates, which it may overwrite unseen, and which count generations: upstream's strategies, as a table."""
from __future__ import annotations

import pytest

from kubeapi.catalog import RESOURCES
from kubeapi.resource import Resource

CREATED_BY_PUT = {"endpoints", "events", "leases", "limitranges", "services", "roles", "clusterroles", "rolebindings", "clusterrolebindings",
                  "runtimeclasses"}
NEVER_UNSEEN = {
    "leases", "poddisruptionbudgets", "runtimeclasses", "apiservices", "customresourcedefinitions", "csidrivers", "csinodes", "csistoragecapacities",
    "volumeattachments", "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "validatingadmissionpolicies",
    "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
}
STORED = [pytest.param(one, id=f"{one.plural}.{one.group}") for one in RESOURCES if "update" in one.verbs]


@pytest.mark.parametrize("resource", STORED)
def test_a_put_creates(resource: Resource) -> None:
    assert resource.strategy().allow_create_on_update is (resource.plural in CREATED_BY_PUT)


@pytest.mark.parametrize("resource", STORED)
def test_a_put_may_be_unversioned(resource: Resource) -> None:
    assert resource.strategy().allow_unconditional_update is (resource.plural not in NEVER_UNSEEN)

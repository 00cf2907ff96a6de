"""Strategy: the pure per-kind behaviour around a write. A kind overrides what differs.

All functions work on documents in the storage version. `default` and the `prepare_*` functions change the document
they are given, which the caller owns (it was just decoded or copied); validation changes nothing and returns every
fault it finds. What needs I/O (binding, eviction, ClusterIP allocation) is a subresource or admission in apiserver.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from kubeapi.fielderrors import FieldError
from kubeapi.names import dns1123_subdomain_faults

Document = dict[str, Any]


class Strategy:
    allow_create_on_update: ClassVar[bool] = False         # PUT creates what is not there (Leases, Events ...)
    allow_unconditional_update: ClassVar[bool] = True      # PUT without resourceVersion wins
    has_status: ClassVar[bool] = True                      # a status subresource: main writes keep status, /status writes keep all else
    has_generation: ClassVar[bool | None] = None           # metadata.generation counts changes of `desired`; None: if there is a spec
    deprecation: ClassVar[str] = ""                        # told to whoever uses the kind at all
    returns_deleted_object: ClassVar[bool] = False         # DELETE answers the object, not a Status (pods, namespaces ... as upstream)
    default_propagation: ClassVar[str] = "Background"      # of a DELETE that names none
    warning_of_default_propagation: ClassVar[str] = ""     # told to who names none

    def name_faults(self, name: str) -> list[str]:
        """What is wrong with a name (or with a generateName that lost its trailing dash) of this kind."""
        return dns1123_subdomain_faults(name)

    def default(self, obj: Document) -> None:
        """Fills in the API's defaults (upstream: SetDefaults_*)."""

    def prepare_for_create(self, obj: Document) -> None:
        """Clears what a creator may not set. The registry itself drops `status` and sets generation 1."""

    def prepare_for_update(self, new: Document, old: Document) -> None:
        """Keeps what an update of the main resource may not change. The registry itself keeps `status` and counts generation."""

    def prepare_for_status_update(self, new: Document, old: Document) -> None:
        """Keeps what an update of /status may not change. The registry itself keeps spec and most metadata."""

    def prepare_for_approval(self, new: Document, old: Document) -> None:
        """Keeps what an update of /approval may not change (of CertificateSigningRequests)."""

    def prepare_for_part(self, part: str, new: Document, old: Document) -> None:
        """Keeps what an update of a subresource that is a part of the object (a pod's ephemeralcontainers, resize) may not change."""

    def desired(self, obj: Document) -> Document:
        """The part of an object whose changes metadata.generation counts."""
        return {name: value for name, value in obj.items() if name not in ("metadata", "status", "apiVersion", "kind")}

    def validate(self, obj: Document) -> Sequence[FieldError]:
        """Faults of a new object beyond schema and ObjectMeta."""
        return ()

    def validate_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        """Faults of a change, immutability included."""
        return ()

    def validate_status_update(self, new: Document, old: Document) -> Sequence[FieldError]:
        return ()

    def validate_approval(self, new: Document, old: Document) -> Sequence[FieldError]:
        return ()

    def validate_part(self, part: str, new: Document, old: Document) -> Sequence[FieldError]:
        return ()

    def warnings(self, new: Document, old: Document | None) -> Sequence[str]:
        """Texts for `Warning: 299` headers."""
        return ()

    def grace_period_seconds(self, obj: Document, asked: int | None) -> int | None:
        """The grace a deletion gets; None where the kind has no graceful deletion (all but Pods). 0 deletes at once."""
        return None

    def holds_deletion(self, obj: Document) -> bool:
        """Something beside metadata.finalizers keeps a deleted object (a namespace's spec.finalizers)."""
        return False

    def prepare_for_deletion(self, obj: Document) -> None:
        """Marks an object that will be gone later (a namespace becomes Terminating)."""

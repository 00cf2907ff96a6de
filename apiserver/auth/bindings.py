"""RoleBindings and ClusterRoleBindings by whom they are for, following the cache."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apiserver.auth.following import Following
from apiserver.cacher import CachedObject, Cacher
from kubeapi.meta import ObjectKey

Document = dict[str, Any]
Subject = tuple[str, str]                       # (User or Group, name); a ServiceAccount is the user that it is


@dataclass(frozen=True, slots=True)
class Binding:
    key: ObjectKey                              # with a namespace: a RoleBinding
    role_kind: str
    role_name: str
    subjects: tuple[tuple[Subject, str], ...]   # with how each is told

    @property
    def role(self) -> ObjectKey:
        return ObjectKey(self.key.namespace if self.role_kind == "Role" else "", self.role_name)

    def told(self, subject: Subject) -> str:
        shown = next(text for one, text in self.subjects if one == subject)
        kind, name = ("RoleBinding", f"{self.key.name}/{self.key.namespace}") if self.key.namespace else ("ClusterRoleBinding", self.key.name)
        return f'RBAC: allowed by {kind} "{name}" of {self.role_kind} "{self.role_name}" to {shown}'


def binding_of(found: CachedObject) -> Binding:
    document = found.document()
    reference = document.get("roleRef") or {}
    subjects = tuple(_subject(one, found.namespace) for one in document.get("subjects") or ())
    return Binding(found.key, reference.get("kind", ""), reference.get("name", ""), subjects)


def _subject(subject: Document, namespace: str) -> tuple[Subject, str]:
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or namespace
        return ("User", f"system:serviceaccount:{namespace}:{name}"), f'ServiceAccount "{name}/{namespace}"'
    return (kind, name), f'{kind} "{name}"'


class BindingIndex:
    """Bindings in order of their names, by subject and namespace ("" for cluster-wide ones)."""

    def __init__(self, *cachers: Cacher) -> None:
        self._followed = [self._following(cacher) for cacher in cachers]
        self._by_subject: dict[tuple[Subject, str], dict[ObjectKey, Binding]] = {}

    def _following(self, cacher: Cacher) -> Following:
        mine: dict[ObjectKey, Binding] = {}

        def forget() -> None:
            for binding in mine.values():
                self._remove(binding)
            mine.clear()

        def changed(old: CachedObject | None, new: CachedObject | None) -> None:
            if old is not None and (known := mine.pop(old.key, None)) is not None:
                self._remove(known)
            if new is not None:
                binding = mine[new.key] = binding_of(new)
                for subject, _ in binding.subjects:
                    self._by_subject.setdefault((subject, binding.key.namespace), {})[binding.key] = binding

        return Following(cacher, forget, changed)

    def _remove(self, binding: Binding) -> None:
        for subject, _ in binding.subjects:
            there = self._by_subject.get((subject, binding.key.namespace), {})
            there.pop(binding.key, None)
            if not there:
                self._by_subject.pop((subject, binding.key.namespace), None)

    def catch_up(self) -> None:
        for one in self._followed:
            one.catch_up()

    def of(self, subjects: Sequence[Subject], namespace: str) -> Iterator[tuple[Binding, Subject]]:
        """Cluster-wide ones first, each once, with whom it is for."""
        for where in ("", namespace) if namespace else ("",):
            found: dict[ObjectKey, tuple[Binding, Subject]] = {}
            for subject in subjects:
                for key, binding in self._by_subject.get((subject, where), {}).items():
                    found.setdefault(key, (binding, subject))
            yield from (found[key] for key in sorted(found))

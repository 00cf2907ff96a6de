"""AlwaysPullImages: a private image is run by those alone whom its registry lets in, whoever had it pulled before.

Off unless it is enabled. An update that brings no new image is left alone.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from apiserver.registry.attributes import Attributes, Document, Plugin
from kubeapi import errors

LISTS = ("initContainers", "containers", "ephemeralContainers")


class AlwaysPullImages(Plugin):
    name: ClassVar[str] = "AlwaysPullImages"

    async def admit(self, attributes: Attributes) -> None:
        if _is_concerned(attributes) and attributes.obj is not None:
            for _, holder, field in _policies(attributes.obj["spec"]):
                holder[field] = "Always"

    async def validate(self, attributes: Attributes) -> None:
        """Plugins that come later may have changed it."""
        if not _is_concerned(attributes) or attributes.obj is None:
            return
        for path, holder, field in _policies(attributes.obj["spec"]):
            if holder.get(field) != "Always":
                raise errors.forbidden("pods", "", attributes.name,
                                       f'{path}.{field}: Unsupported value: "{holder.get(field, "")}": supported values: "Always"')


def _is_concerned(attributes: Attributes) -> bool:
    if attributes.operation not in ("CREATE", "UPDATE") or not attributes.is_for("", "pods") or attributes.obj is None:
        return False
    return attributes.old is None or not _images(attributes.obj["spec"]) <= _images(attributes.old["spec"])


def _policies(spec: Document) -> Iterator[tuple[str, Document, str]]:
    """(where, of what, which field)."""
    for name in LISTS:
        for number, container in enumerate(spec.get(name) or ()):
            yield f"spec.{name}[{number}]", container, "imagePullPolicy"
    for number, volume in enumerate(spec.get("volumes") or ()):
        if "image" in volume:
            yield f"spec.volumes[{number}].image", volume["image"], "pullPolicy"


def _images(spec: Document) -> set[str]:
    return {container.get("image", "") for name in LISTS for container in spec.get(name) or ()} \
        | {volume["image"].get("reference", "") for volume in spec.get("volumes") or () if "image" in volume}

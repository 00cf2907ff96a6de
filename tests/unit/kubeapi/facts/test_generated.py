"""What is generated is what the generator writes now, and names invert."""
from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kubeapi.wirenames import wire_name

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("picokube_generate", ROOT / "hack" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["picokube_generate"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_files_are_what_the_generator_writes(generator: ModuleType) -> None:
    stale = [str(path) for path, text in generator.generate().items() if not path.exists() or path.read_text() != text]
    assert stale == []


def test_a_wire_name_inverts_the_attribute_name_of_every_field(generator: ModuleType) -> None:
    """Names such as `Port`, `$ref` and `x-kubernetes-map-type` have an alias of their own in the model instead."""
    wrong = []
    for path in sorted(generator.FACTS.glob("*.txt")):
        models = importlib.import_module(f"kubeapi.generated.models.{path.stem}")
        for fact in generator.read_facts(path).values():
            for field in fact.fields:
                attribute = generator.snake_name(field.name)
                alias = getattr(models, fact.name).model_fields[attribute].alias
                if (alias or wire_name(attribute)) != field.name:
                    wrong.append((path.stem, fact.name, field.name))
    assert wrong == []

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.runtime.node import Surroundings, surroundings


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Surroundings]:
    """Checks at the end that nothing of the test's pods is left."""
    with surroundings(tmp_path) as found:
        yield found

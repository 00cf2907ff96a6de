"""Points in time as users write them, and spans as long as users like."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubeapi.times import LONGEST_SECONDS, format_time, later, parse_time

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2024-05-01", "2024-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+01:00"])
def test_what_is_no_time_of_this_calendar_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


@pytest.mark.parametrize(("moment", "seconds", "found"), [
    (NOW, 30, "2024-05-01T00:00:30Z"), (NOW, (1 << 63) - 1, "2316-08-10T23:47:16Z"), (NOW, -(1 << 63), "1732-01-21T00:12:44Z"),
    (datetime(9999, 12, 31, tzinfo=UTC), LONGEST_SECONDS, "9999-12-31T23:59:59Z"), (datetime(1, 1, 1, tzinfo=UTC), -60, "0001-01-01T00:00:00Z")])
def test_a_span_of_any_length_leads_to_a_time(moment: datetime, seconds: int, found: str) -> None:
    assert format_time(later(moment, seconds)) == found

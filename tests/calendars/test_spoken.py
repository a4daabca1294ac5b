from datetime import timedelta

import pytest

from slo.calendars.spoken import span

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=20), "less than a minute"),
        (4 * MINUTE, "4 min"),
        (2 * HOUR + 14 * MINUTE, "2 h 14 min"),
        (3 * DAY + 2 * HOUR + MINUTE, "3 d 2 h"),
        (DAY, "1 d"),
    ],
)
def test_durations_are_said_as_people_do(duration: timedelta, text: str) -> None:
    assert span(duration) == text

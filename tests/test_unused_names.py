"""Names for what has none of its own."""

from __future__ import annotations

import pytest

from pyjutrack.core.names import unused_name


@pytest.mark.parametrize(
    ("taken", "found"),
    [((), "it"), (("at",), "it"), (("it",), "it_2"), (("it", "it_2", "it_4"), "it_3")],
)
def test_a_name_that_is_taken_gets_a_number(taken: tuple[str, ...], found: str) -> None:
    assert unused_name("it", taken) == found

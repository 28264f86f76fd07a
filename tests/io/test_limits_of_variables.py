"""Variables of files, and what a file may cost."""

from __future__ import annotations

import pytest

from pyjutrack.errors import InvalidValueError
from pyjutrack.io.limits import OPERATIONS
from pyjutrack.io.variables import Variables
from pyjutrack.lattice.expressions import Expression


def test_no_variable_vanishes_at_the_limit() -> None:
    """One that costs too much is no variable without a value."""
    variables = Variables()
    variables.set("a", 1.0)
    variables.set("b", Expression.named("a") * 2.0 + 1.0)
    variables.spend(OPERATIONS)
    with pytest.raises(InvalidValueError, match="more than the limit"):
        variables.known()

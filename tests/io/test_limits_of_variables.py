"""Variables of files, and what a file may cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjutrack.errors import InvalidValueError, LatticeFileError
from pyjutrack.io import read_lattice
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


def test_an_attribute_that_doubles_itself_is_refused(tmp_path: Path) -> None:
    """Bmad puts in what an attribute is: forty such lines would hold 2^40 operations."""
    path = tmp_path / "a.bmad"
    doubled = "q[k1] = q[k1] + q[k1]\n" * 40
    path.write_text(f"x = 1\nq: quad, l = 1, k1 = x\n{doubled}r: line = (q)\nuse, r\n")
    with pytest.raises(LatticeFileError, match=r"a.bmad:18: .*more than 100,000 operations"):
        read_lattice(path)

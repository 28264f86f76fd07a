"""Displacements of PALS."""

from __future__ import annotations

from ...lattice.expressions import Formula
from .source import Source

#: PALS' names of the displacement
SHIFTS = {
    **{f"{axis}_offset": f"d{axis}" for axis in "xyz"},
    **{f"{axis}_rot": f"{axis}_rot" for axis in "xyz"},
}


def placement(source: Source, group: str = "BodyShiftP") -> dict[str, Formula]:
    """Displacements and rotations of a body, or of a patch."""
    shifts = source.group(group)
    return {ours: shifts.number(theirs) for theirs, ours in SHIFTS.items()}

"""Changes of the frame, and linear maps."""

from __future__ import annotations

from ....beam.reference import Reference
from ....core.scalars import Number, is_zero
from ....elements import Patch, TaylorMap
from ....elements.geometry import compose, displacement, roll
from ....elements.part import Part
from .base import Twin, Twins, refused, twin
from .frames import affine, entered


@twin(Patch)
def _(e: Patch, part: Part, reference: Reference) -> Twins:
    found = entered(compose(displacement(e), roll(e.tilt)), e.dz)
    return found or (Twin("TRANSLATION"),)


@twin(TaylorMap)
def _(e: TaylorMap, part: Part, reference: Reference) -> Twins:
    e.require_place(reference, part)
    if not part.start < 0.5 <= part.stop:
        return (Twin("MARKER"),)
    if e.variables != "z delta" or not all(map(is_zero, e.second)):
        what = "of second order" if e.second else f"in the variables {e.variables!r}"
        raise refused(
            e, f"JuTrack's elements have no series {what}, but linear maps in z and delta"
        )

    def mirrored(n: int, value: Number) -> Number:
        return value if n != 4 or is_zero(value) else -value

    rows = tuple(
        tuple(mirrored(i, mirrored(j, e.matrix[6 * i + j])) for j in range(6)) for i in range(6)
    )
    return affine(rows, tuple(mirrored(i, k) for i, k in enumerate(e.kick)))

"""Lattices of JuTrack's elements, from ours and back."""

from __future__ import annotations

from typing import Any

from ...beam.reference import Reference
from ...engines.julia import elements as conversion
from ...engines.julia.session import session
from ...lattice.lattice import Lattice


def to_jutrack(lattice: Lattice, reference: Reference) -> Any:
    """A Julia vector of JuTrack elements, for juliacall; factorials and signs are JuTrack's.

    Raises:
        InvalidValueError: an element that JuTrack has no twin of; it is named.
        MissingPackageError: there is no Julia.
    """
    return conversion.to_julia(session(), lattice, reference)


def from_jutrack(elements: Any, reference: Reference | None = None) -> Lattice:
    """A lattice from a Julia vector of JuTrack elements.

    Those that `to_jutrack` made in this process, and that are as they were, come back as what they
    were made of: JuTrack's elements hold neither the slip of the velocity nor that several in a row
    were one. All others, changed ones too, come back as the kind and the model that JuTrack's map
    is, or is nearest to: see the table in docs/julia.md. T1, R1, R2 and T2 are a placement where
    they undo each other, and linear maps beside the element elsewhere; apertures stand after it.

    Args:
        reference: of the line; cavities need it.

    Raises:
        InvalidValueError: an element, or what it has besides, has no place here; it is named.
    """
    return conversion.from_julia(session(), elements, reference)

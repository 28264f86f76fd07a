"""What an element radiates over a piece of it, for tracking and for the optics of rings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from .. import maps
from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..core.names import label
from ..core.scalars import Number, is_zero, to_float
from ..elements import Element
from ..elements.recordings import memoize_whole
from ..kernels.noise import Stream
from ..maps.state import State, apply_noisy

#: multipoles that radiate: up to octupoles
_ORDERS = 4


class Piece(NamedTuple):
    """A piece of an element that radiates.

    Attributes:
        length: along the reference orbit [m].
        entrance, exit_: tangents of the angles of the faces in it; 0 for none.
    """

    length: Number
    entrance: Number = 0.0
    exit_: Number = 0.0


def radiates(element: Element) -> bool:
    """Return whether an element has a field, over a length or in the wedge of a face.

    Raises:
        InvalidValueError: a thin bend whose length is unknown.
    """
    return memoize_whole(_radiates, element)


def _radiates(element: Element) -> bool:
    if is_zero(element.arc_length):
        if not is_zero(element.bend_angle):
            raise InvalidValueError(
                f"{label(element)} bends by "
                f"{to_float(element.bend_angle):g} rad over no length, and radiates by it; give "
                "it the curvature h of the bend that it stands for, of the sign of the angle"
            )
        faces = any(not is_zero(angle) for angle in element.face_angles)
        return faces and not is_zero(element.normal_dipole)
    return not all(is_zero(k) for series in element.multipoles for k in series)


def faces_of(element: Element) -> tuple[Number, Number]:
    """Tangents of both face angles."""
    entrance, exit_ = map(_tangent, element.face_angles)
    return entrance, exit_


class Emission(NamedTuple):
    """What a piece of an element radiates, as the maps want it.

    Attributes:
        loss, spread: factors of the mean loss and of its fluctuation; see `maps.radiate`.
        length: along the reference orbit [m].
        field: curvature, faces and multipoles.
    """

    loss: Number
    spread: Number
    length: Number
    field: tuple[Number, ...]


def emission_of(element: Element, reference: Reference, piece: Piece) -> Emission:
    """Make the emission of a piece of an element."""
    species, gamma = reference.species, reference.gamma
    loss = 2 / 3 * species.classical_radius * reference.beta_gamma * gamma**2
    lengths = species.classical_radius * species.reduced_wavelength
    spread = (55 / (24 * math.sqrt(3)) * lengths * gamma**5) ** 0.5
    normal, skew = element.multipoles
    field = (element.curvature, piece.entrance, piece.exit_, *_first(normal), *_first(skew))
    return Emission(loss, spread, piece.length, field)


def emit(
    state: State,
    emission: Emission,
    scale: Number = 1.0,
    noise: Stream | Tensor | None = None,
) -> State:
    """Particles after a piece of an element, in its frame, has made them radiate.

    Args:
        scale: factor on the energy of every photon.
        noise: of mean 0 and variance 1, as a stream or like a coordinate; None for the mean loss.
    """
    loss, spread, length, field = emission
    if noise is None:
        return state.apply(maps.radiate, loss * scale, length, *field)
    parameters = loss * scale, spread * scale, length, *field
    if isinstance(noise, Stream):
        return state.apply(maps.radiate_photons, *parameters, noise)
    return apply_noisy(maps.radiate_photons, state, noise, parameters)


def _first(series: Sequence[Number]) -> tuple[Number, ...]:
    """Multipoles up to the orders that radiate."""
    return (*series[:_ORDERS], *(0.0,) * (_ORDERS - len(series)))


def _tangent(angle: Number) -> Number:
    return angle.tan() if isinstance(angle, Tensor) else math.tan(angle)

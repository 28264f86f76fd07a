"""Lattices that are made of a lattice: machines with errors, and matrices of first order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..beam.reference import Reference
from ..core.frozen import FrozenDict
from .errors import with_errors
from .merging import merged
from .selection import Kinds

if TYPE_CHECKING:
    from .lattice import Lattice

_NONE: Mapping[str, float] = FrozenDict({})


class Variants:
    """Methods of a `Lattice`."""

    def with_errors(
        self,
        absolute: Mapping[str, float] = _NONE,
        *,
        relative: Mapping[str, float] = _NONE,
        count: int,
        seed: int,
        cut: float = math.inf,
        kind: Kinds | None = None,
        shared: bool = False,
    ) -> Lattice:
        """The machine many times, with random errors: a lattice of many settings, (count,).

            many = ring.with_errors({"q*.dx": 1e-4}, relative={"q*.k1": 1e-3}, count=1000, seed=1)
            pj.optics.closed_orbit(many, electron)

        Errors are Gaussian, and each knob's are those of its address and the seed alone: other
        knobs may be added or left out, and more machines asked for, without another error. A
        variable moves all that is computed from it, and a parameter with an error of its own is
        computed no more. Settings that the lattice holds already come after these, (count, ...).

        Args:
            absolute: address or pattern of knobs, displacements and tilts among them, to the rms of
                what is added, in the units of the knob.
            relative: the same, to the rms of the part of its value that is added.
            count: of machines.
            seed: a whole number.
            cut: errors are between +-cut times rms, and Gaussian within (TGAUSS of MAD-X); rms is
                that of the whole Gaussian. No limit by default.
            kind: of elements that patterns fit, as for `knobs`.
            shared: allow that elements of one name have one error, as magnets of one power supply.

        Raises:
            UnknownNameError: no such knob. InvalidValueError: two errors of one knob; elements that
                share a name; a relative error of a zero; a length that would be negative.
        """
        machine: Any = self
        return with_errors(machine, absolute, relative, count, seed, cut, kind, shared)

    def merged(
        self, reference: Reference, *, effects: Sequence[Any] = (), keep: Sequence[str] = ()
    ) -> Lattice:
        """The lattice with a matrix, a `TaylorMap`, in the place of each run of elements.

            fast = ring.merged(electron, effects=effects)

        A matrix is of first order: of each element about the reference orbit at its own entrance,
        with what displaced elements, correctors and errors kick there. Chromaticity, sextupoles off
        the axis, dispersion of second order are gone. It is of all settings that the lattice holds,
        and carries derivatives by their parameters.

        Elements stay where they do more than that, or may be asked for: apertures, markers,
        monitors, placeholders, what accelerates the reference, kinds of users that do not state
        `merges = True`; where effects act; and by name. What stays has the numbers that it has, and
        variables rule them no more.

        Args:
            reference: before the lattice. Matrices are of its momentum, and track no beam of
                another one; derivatives by it go through those of a reference that carries them.
            effects: those that it will be tracked with; others would act along a matrix, and are
                refused.
            keep: names of elements, or patterns, that stay as they are.

        Raises:
            UnknownNameError: no such name. ParticleLostError: a particle on the reference orbit is
                lost in an element.
        """
        machine: Any = self
        return machine._with(merged(machine, reference, effects, keep), {}, {})

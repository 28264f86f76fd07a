"""The beam: macroparticles around a reference particle."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..core import display
from ..core.checks import require_kind, require_real, wrong
from ..core.errors import InvalidValueError, require_known
from ..core.forks import check_threads
from ..core.scalars import vanishes
from ..core.settings import broadcast_batch, join, join_numbers, show
from ..core.storage import register_description
from ..core.tensors import tensor_copy
from ..core.unstated import UNSTATED, is_stated
from .communicator import SERIAL, Communicator
from .faults import COORDINATES as COORDINATES
from .faults import LARGEST_CHARGE as LARGEST_CHARGE
from .faults import check_beam
from .reference import Reference

_PRECISIONS = (torch.float64, torch.float32)
_AMOUNTS = ("current", "charge")
_PARTICLES = ("coordinates", "alive", "weights")
_REFERENCE = 'such as Reference.from_kinetic("proton", 1e9)'


@dataclass(frozen=True, eq=False)
class Beam:
    """Macroparticles with the current, or the charge, that they carry together.

    Where ranks share a beam (`pyjutrack.distributed`), each has a part of it: methods of the part
    speak of the particles that are here, and `pyjutrack.moments` of the whole beam.

    Attributes:
        reference: species and momentum.
        coordinates: (N, 6) tensor, or (..., N, 6) for a batch of beams: x, px, y, py, z, delta;
            x, y [m], px, py = P/P0, z = -beta c (t - t0) [m], positive ahead, delta = (P - P0)/P0.
        current: of a coasting beam, of all macroparticles together, on all ranks [A]; a float or a
            0-d tensor, or (B,) of many settings, each with these particles or with its own.
        alive: (N,) mask; lost particles keep the coordinates at which they were lost.
        world: the ranks that share the beam; this process alone by default.
        weights: (N,) the current that each carries, in units of an equal share, current / N; None
            where all are alike. Soft apertures lower them; see `Aperture`.
        charge: of a bunch, of all macroparticles together, on all ranks [C], without the sign of
            the species; a number or many, as the current. A beam has a current or a charge, and
            an effect refuses one that was not given what it needs; 0.0 is a value as any other.

    Raises:
        InvalidValueError: wrong shape; a current and a charge. Values, non-finite coordinates or a
            negative current, are checked by `from_array`, and when the beam is tracked.

    Example:
        >>> pj.Beam(pj.Reference.from_kinetic("proton", 1e9), np.zeros((1000, 6)), charge=1e-9)
    """

    reference: Reference
    coordinates: Tensor
    current: float | Tensor = UNSTATED
    alive: Tensor = None  # type: ignore[assignment]  # all of them, filled in __post_init__
    world: Communicator = SERIAL
    weights: Tensor | None = None
    charge: float | Tensor = UNSTATED

    def __post_init__(self) -> None:
        require_kind("reference", self.reference, Reference, "a Reference", _REFERENCE)
        require_kind("world", self.world, Communicator, "a Communicator of `pyjutrack.distributed`")
        for name in _AMOUNTS:
            amount = getattr(self, name)
            many = isinstance(amount, Tensor) and amount.dim()
            if not many:
                require_real(name, amount)
            elif not (amount.is_floating_point() and amount.numel()):
                raise wrong(name, amount, "one real number, or many")
            if not isinstance(amount, Tensor) and is_stated(amount):
                object.__setattr__(self, name, float(amount))
        if not any(isinstance(a, float) and a == 0 for a in self.intensity):
            raise InvalidValueError(
                f"a beam is coasting, with a current, or a bunch, with a charge; got "
                f"{show(self.current)} A and {show(self.charge)} C"
            )
        given: Any = self.coordinates
        if not isinstance(given, Tensor):
            if np.iscomplexobj(given):
                raise wrong("coordinates", given, "an (N, 6) array of real numbers")
            try:
                rows = np.asarray(given, dtype=np.float64)
                # a copy, column by column, as particles are tracked
                columns = np.array(np.moveaxis(np.atleast_1d(rows), -1, 0), order="C")
                given = torch.from_numpy(columns).movedim(0, -1)
            except (TypeError, ValueError):
                raise wrong("coordinates", given, "an (N, 6) array of real numbers") from None
        if given.is_complex() or (given.is_floating_point() and given.dtype not in _PRECISIONS):
            raise InvalidValueError(
                f"coordinates must be real numbers in double or single precision, got "
                f"{given.dtype}; convert them, such as by .to(torch.float64)"
            )
        if given.dim() < 2 or given.shape[-1] != 6 or given.shape[-2] == 0:
            raise InvalidValueError(
                f"coordinates must have shape (N, 6) with N >= 1, got {tuple(given.shape)}"
            )
        if not given.is_floating_point():
            given = given.to(torch.float64)
        object.__setattr__(self, "coordinates", given)
        alive: Any = self.alive
        if alive is None:
            alive = torch.ones(given.shape[:-1], dtype=torch.bool, device=given.device)
        try:
            alive = tensor_copy(alive).to(given.device)
        except (TypeError, ValueError, RuntimeError):
            raise wrong("alive", alive, "a mask of True and False") from None
        if alive.dtype is not torch.bool:
            raise wrong("alive", self.alive, "a mask of True and False")
        if alive.shape != given.shape[:-1]:
            raise InvalidValueError(
                f"alive must have shape {tuple(given.shape[:-1])}, got {tuple(alive.shape)}"
            )
        object.__setattr__(self, "alive", alive)
        if self.weights is not None:
            try:
                weights = tensor_copy(self.weights)
            except (TypeError, ValueError, RuntimeError, OverflowError):
                raise wrong("weights", self.weights, "real numbers, one a particle") from None
            if weights.is_complex():
                raise wrong("weights", self.weights, "real numbers, one a particle")
            weights = weights.to(given)
            if weights.shape != alive.shape:
                raise InvalidValueError(
                    f"weights must have shape {tuple(alive.shape)}, got {tuple(weights.shape)}"
                )
            object.__setattr__(self, "weights", weights)
        if not self.world.is_serial and self.world.particles is None:
            raise InvalidValueError(
                "the world of a shared beam must know how many particles the whole has: make it by "
                "pyjutrack.distributed.shard, or take world.for_particles(particles)"
            )

    @classmethod
    def from_array(
        cls,
        reference: Reference,
        coordinates: ArrayLike | Tensor,
        current: float | Tensor = UNSTATED,
        charge: float | Tensor = UNSTATED,
    ) -> Beam:
        """A beam from an (N, 6) array, checked: the constructor for data from outside.

        Args:
            reference: particle that the coordinates count from.
            coordinates: rows (x, px, y, py, z, delta) [m and 1]; (..., N, 6) for a batch.
            current, charge: of a coasting beam [A], of a bunch [C].

        Raises:
            InvalidValueError: another shape, numbers that are not finite, or what is no number.
        """
        beam = cls(reference, coordinates, current, charge=charge)  # type: ignore[arg-type]
        check_beam(beam)
        return beam

    def __len__(self) -> int:
        """Number of particles here, lost ones included."""
        return self.coordinates.shape[-2]

    def __repr__(self) -> str:
        energy = show(self.reference.kinetic_energy)
        world = self.world
        here, whole = ("", "") if world.is_serial else (" here", f" of {world.particles}")
        weighted = "" if self.weights is None else " weighted"
        bunched = not vanishes(self.charge)
        carried = f"charge {show(self.charge)} C" if bunched else f"current {show(self.current)} A"
        part = "" if world.is_serial else f"; rank {world.rank} of {world.size}"
        return (
            f"Beam({' x '.join(map(str, self.coordinates.shape[:-1]))}{whole}{weighted} "
            f"macroparticles, {self.lost} lost{here}; {self.reference.species.name}, "
            f"kinetic energy {energy} eV, {carried}{part})"
        )

    def _repr_html_(self) -> str:
        # moments need all ranks, and only one may be asked to show its part
        return display.html(self) if self.world.is_serial else f"<div>{self!r}</div>"

    @property
    def intensity(self) -> tuple[float | Tensor, float | Tensor]:
        """The current [A] and the charge [C], one of which is zero."""
        return self.current, self.charge

    @property
    def batch(self) -> torch.Size:
        """The shape of the settings of its current, charge or momentum; () where it has one."""
        numbers = self.current, self.charge, self.reference.p0c
        return broadcast_batch("current, charge and momentum of the beam", numbers)

    @property
    def particles(self) -> int:
        """Number of particles of the whole beam, on all ranks together, lost ones included."""
        return self.world.particles or len(self)

    @property
    def lost(self) -> int:
        """Number of lost particles here; of the whole beam: `particles` - `moments.survivors`."""
        return int((~self.alive).sum())

    @property
    def shares(self) -> Tensor:
        """The part of the whole that a particle here carries: (1,) for all alike, or (N,)."""
        if self.weights is None:
            return self.coordinates.detach().new_full((1,), 1 / self.particles)
        return self.weights / self.particles

    def numpy(self) -> NDArray[np.float64]:
        """Coordinates of the particles here as a NumPy array (N, 6); a copy."""
        return self.coordinates.detach().cpu().numpy().copy()

    def coordinate(self, name: str) -> Tensor:
        """One column by name, of all particles here, lost ones included: (N,)."""
        require_known("coordinate", name, COORDINATES)
        return self.coordinates[..., COORDINATES.index(name)]

    def replace(self, **changes: Any) -> Beam:
        """A copy with some attributes changed.

        Args:
            changes: attributes by name, such as `current=10.0`.
        """
        return dataclasses.replace(self, **changes)

    def pick(self, batch: torch.Size, index: tuple[int, ...]) -> Beam:
        """The particles at an index of a batch of settings, or those of all; the rest as it is."""
        lead = self.coordinates.dim() - 2
        if not lead:
            return self

        def of(rows: Tensor) -> Tensor:
            return rows.expand(*batch, *rows.shape[lead:])[index]

        parts = {n: getattr(self, n) for n in _PARTICLES}
        return self.replace(**{n: of(p) for n, p in parts.items() if p is not None})

    @classmethod
    def joined(cls, found: Sequence[Beam], batch: torch.Size) -> Beam:
        """Join beams that were found, one of each setting in a row, as a batch."""
        rows = {n: [getattr(one, n) for one in found] for n in _PARTICLES}
        many = {n: join(r, batch) for n, r in rows.items() if r[0] is not None}
        rest = {n: join_numbers([getattr(b, n) for b in found], batch) for n in _AMOUNTS}
        reference = Reference.joined([one.reference for one in found], batch)
        return found[0].replace(reference=reference, **many, **rest)

    def to(self, *args: Any, **kwargs: Any) -> Beam:
        """The beam on another device or in another precision, as `torch.Tensor.to`.

        Args: those, `args` and `kwargs`, as in `beam.to(torch.float32)`, `beam.to("cuda")`.
        """
        coordinates = self.coordinates.to(*args, **kwargs)
        alive = self.alive.to(coordinates.device)
        return self.replace(coordinates=coordinates, alive=alive)  # weights follow


def require_beam(beam: Any) -> None:
    """Raise InvalidValueError for what is no Beam, and where threads would be waited for."""
    check_threads()
    remedy = "pyjutrack.distributions and Beam.from_array make one"
    if type(beam).__name__ == "Lattice":
        remedy = "are the arguments swapped?"
    require_kind("beam", beam, Beam, "a Beam", remedy)


def require_whole(beam: Beam, what: str) -> None:
    """Raise InvalidValueError for what needs all particles in one process."""
    if not beam.world.is_serial:
        raise InvalidValueError(
            f"{what} needs the whole beam, and this is the part of rank {beam.world.rank} of "
            f"{beam.world.size}; pyjutrack.distributed.gather makes it whole"
        )


def require_single(beam: Beam, what: str) -> None:
    """Raise InvalidValueError for a batch, where something is of one beam."""
    if beam.coordinates.dim() != 2:
        raise InvalidValueError(
            f"{what} of one beam, (N, 6), not of a batch {tuple(beam.coordinates.shape)}"
        )


def _describe(beam: Beam) -> dict[str, Any]:
    require_whole(beam, "a file")
    amounts = {n: getattr(beam, n) for n in _AMOUNTS}
    found = {n: getattr(beam, n) for n in ("reference", "coordinates", "alive")}
    found |= {n: amount for n, amount in amounts.items() if is_stated(amount)}
    return found if beam.weights is None else {**found, "weights": beam.weights}


register_description(Beam, _describe, lambda data: Beam(**data))

"""Write beams to openPMD files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..beam.beam import Beam, require_beam, require_whole
from ..beam.faults import check_beam
from ..beam.reference import SPEED_OF_LIGHT
from ..core.atomic import write_hdf5
from ..core.checks import require_path, require_real
from ..core.errors import InvalidValueError
from ..core.scalars import to_float
from .openpmd import (
    ATTRIBUTES,
    DIGEST,
    PREFIX,
    beta_of,
    digest_of,
    particle_group,
    species_groups,
)
from .optional import optional


def write_beam(path: str | Path, beam: Beam, *, duration: float = 1.0) -> None:
    """Write a beam to an openPMD file (HDF5), whole or not at all.

    Coordinates are written as float64 values. A lost particle whose transverse momentum is above
    its whole momentum has no momentum along s: that is written as zero.

    Args:
        path: of the file, which is replaced.
        beam: one beam, not a batch.
        duration: the time [s] in which the charge of the file passes, current * duration; the
            charge of a coasting beam has no other meaning. That of a bunch is its own. Without
            either, an equal share of the beam weighs one elementary charge.

    Raises:
        InvalidValueError: a batch of beams, a part of one, non-finite coordinates, weights that
            are all zero, no duration.
        MissingPackageError: openpmd-beamphysics is not installed.

    Example:
        >>> pj.write_beam("beam.h5", pj.track(ring, beam))
    """
    require_beam(beam)
    require_whole(beam, "a file")
    require_real("duration", duration, above=0)
    if beam.coordinates.dim() != 2:
        shape = tuple(beam.coordinates.shape)
        raise InvalidValueError(f"a file holds one beam, got a batch of shape {shape}")
    check_beam(beam)
    share = _share(beam, duration)
    particles = particle_group()(data=_particles(beam, share))
    species, p0c = beam.reference.species, to_float(beam.reference.p0c)
    amounts = (*map(to_float, beam.intensity), share)
    kept = (species.name, species.mass, species.charge, p0c, *amounts)

    def fill(file: Any) -> None:
        particles.write(file)
        group = species_groups(file)[0]
        for name, value in zip(ATTRIBUTES, kept, strict=True):
            group.attrs[PREFIX + name] = value
        group.attrs[DIGEST] = digest_of(file)

    h5py = optional("h5py", "openpmd-beamphysics", "openpmd")
    write_hdf5(require_path("path", path), h5py, fill)


def _share(beam: Beam, duration: float) -> float:
    """The charge of an equal share of a beam [C]."""
    from scipy.constants import elementary_charge  # late: it takes a moment to load

    current, charge = map(to_float, beam.intensity)
    return (current * duration + charge) / len(beam) or float(elementary_charge)


def _particles(beam: Beam, share: float) -> dict[str, Any]:
    x, px, y, py, z, delta = beam.numpy().astype(np.float64).T
    reference = beam.reference.detach()
    total = 1 + delta
    square = total * total - px * px - py * py
    backward = beam.alive.cpu().numpy() & ~((square > 0) & (total > 0))
    if backward.any():
        raise InvalidValueError(
            f"{int(backward.sum())} particles alive have a transverse momentum above their whole "
            f"momentum, the first is number {int(np.flatnonzero(backward)[0])}: they do not move "
            "forward, and no file can hold them; mark them as lost in `alive`"
        )
    weights = np.ones_like(x) if beam.weights is None else beam.weights.detach().cpu().numpy()
    if not weights.any():
        raise InvalidValueError("all weights are zero: nothing of the beam is left to be written")
    return {
        "x": x,
        "y": y,
        "z": np.zeros_like(x),
        "px": px * reference.p0c,
        "py": py * reference.p0c,
        "pz": np.sqrt(np.maximum(square, 0.0)) * reference.p0c,
        "t": -z / (SPEED_OF_LIGHT * beta_of(total * reference.p0c, reference.species)),
        "status": beam.alive.cpu().numpy().astype(int),
        "weight": share * weights.astype(np.float64),
        "species": reference.species.name,
    }

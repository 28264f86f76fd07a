"""Write beams to openPMD files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..beam.beam import Beam, check_beam, require_beam, require_whole
from ..beam.reference import SPEED_OF_LIGHT
from ..core.atomic import write_hdf5
from ..core.checks import require_path, require_real
from ..core.errors import InvalidValueError
from ..core.scalars import detached
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
            charge of a coasting beam has no other meaning. Without a current, each particle
            weighs one elementary charge.

    Raises:
        InvalidValueError: a batch of beams, a part of one, weights, non-finite coordinates, no
            duration.
        MissingPackageError: openpmd-beamphysics is not installed.
    """
    require_beam(beam)
    require_whole(beam, "a file")
    require_real("duration", duration, above=0)
    if beam.coordinates.dim() != 2:
        shape = tuple(beam.coordinates.shape)
        raise InvalidValueError(f"a file holds one beam, got a batch of shape {shape}")
    if beam.weights is not None:
        raise InvalidValueError(
            "a file holds macroparticles of equal weight, and those of this beam differ; write the "
            "beam from before the first soft aperture, or give all the same weight, which brings "
            "back the current that was lost: beam.replace(weights=None)"
        )
    if detached(beam.charge):
        raise InvalidValueError(
            "a file holds a coasting beam for now, and this is a bunch, with a charge"
        )
    check_beam(beam)
    particles = particle_group()(data=_particles(beam, duration))
    species, p0c = beam.reference.species, detached(beam.reference.p0c)
    kept = (species.name, species.mass, species.charge, p0c, detached(beam.current))

    def fill(file: Any) -> None:
        particles.write(file)
        group = species_groups(file)[0]
        for name, value in zip(ATTRIBUTES, kept, strict=True):
            group.attrs[PREFIX + name] = value
        group.attrs[DIGEST] = digest_of(file)

    h5py = optional("h5py", "openpmd-beamphysics", "openpmd")
    write_hdf5(require_path("path", path), h5py, fill)


def _particles(beam: Beam, duration: float) -> dict[str, Any]:
    x, px, y, py, z, delta = beam.numpy().astype(np.float64).T
    reference = beam.reference.detached()
    total = 1 + delta
    square = total * total - px * px - py * py
    backward = beam.alive.cpu().numpy() & ~((square > 0) & (total > 0))
    if backward.any():
        raise InvalidValueError(
            f"{int(backward.sum())} particles alive have a transverse momentum above their whole "
            f"momentum, the first is number {int(np.flatnonzero(backward)[0])}: they do not move "
            "forward, and no file can hold them; mark them as lost in `alive`"
        )
    from scipy.constants import elementary_charge  # late: it takes a moment to load

    current = detached(beam.current)
    charge = current * duration / len(beam) if current else elementary_charge
    return {
        "x": x,
        "y": y,
        "z": np.zeros_like(x),
        "px": px * reference.p0c,
        "py": py * reference.p0c,
        "pz": np.sqrt(np.maximum(square, 0.0)) * reference.p0c,
        "t": -z / (SPEED_OF_LIGHT * beta_of(total * reference.p0c, reference.species)),
        "status": beam.alive.cpu().numpy().astype(int),
        "weight": np.full_like(x, charge),
        "species": reference.species.name,
    }

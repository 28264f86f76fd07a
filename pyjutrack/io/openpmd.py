"""Beams in openPMD files with the BeamPhysics extension, through openpmd-beamphysics.

A file holds particles as they pass the plane z = 0: x, y [m], the time t [s] after the reference,
momenta [eV/c], particleStatus 1 for those alive, and weights [C]. The group of the species carries
what a file of this kind has no room for, so that a beam comes back as it was: the reference, the
current of a coasting beam or the charge of a bunch, and the weight of an equal share of it, in
attributes that begin with "pyjutrack".
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..beam.reference import Species
from ..core.atomic import digest
from .optional import optional

Array = NDArray[np.float64]
EXTRA = ("beamphysics", "openpmd-beamphysics", "openpmd")
ATTRIBUTES = ("species", "mass", "charge", "p0c", "current", "bunch_charge", "share")
PREFIX = "pyjutrack_"
DIGEST = PREFIX + "digest"


def particle_group() -> Any:
    """The class of that package, whose import also loads what draws, with warnings of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optional(*EXTRA).ParticleGroup


def beta_of(momentum: Array, species: Species) -> Array:
    """Velocity in units of c of particles of a momentum [eV/c]; 1 where there is none."""
    safe = np.where(momentum > 0, momentum, np.inf)
    return 1 / np.hypot(1.0, species.mass / safe)


def digest_of(file: Any) -> str:
    """The digest of all that a file holds, but for the digest itself."""
    parts: list[bytes] = []

    def visit(name: str, item: Any) -> None:
        for key in sorted(item.attrs):
            if key != DIGEST:
                value = np.asarray(item.attrs[key])
                parts.extend((f"{name}@{key}".encode(), repr(value.tolist()).encode()))
        if hasattr(item, "dtype"):
            values = np.ascontiguousarray(item[()])
            parts.extend((f"{name} {values.dtype} {values.shape}".encode(), values.tobytes()))

    visit("/", file)
    file.visititems(visit)
    return digest(*parts)


def species_groups(file: Any) -> list[Any]:
    """The groups of a file that hold particles."""
    groups: list[Any] = []

    def visit(_: str, item: Any) -> None:
        if "speciesType" in item.attrs:
            groups.append(item)

    file.visititems(visit)
    return groups

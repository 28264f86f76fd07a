"""Beams in openPMD files with the BeamPhysics extension, through openpmd-beamphysics.

A file holds particles as they pass the plane z = 0: x, y [m], the time t [s] after the reference,
momenta [eV/c], particleStatus 1 for those alive, and equal weights [C]. The group of the species
carries what a file of this kind has no room for, so that a beam comes back as it was: the reference
and the current of the whole coasting beam, in attributes that begin with "pyjutrack".
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..beam.beam import Beam, check_beam, require_beam, require_whole
from ..beam.reference import SPEED_OF_LIGHT, Reference, Species, require_reference
from ..core.atomic import digest, write_hdf5
from ..core.checks import require_kind, require_path, require_real
from ..core.errors import InvalidValueError, PyJuTrackError, warn
from ..core.hdf5_check import is_hdf5, unreadable
from ..core.scalars import detached
from .errors import LatticeFileError, LatticeWarning, wrong
from .optional import guarded, optional
from .record import Notes

Array = NDArray[np.float64]
_EXTRA = ("beamphysics", "openpmd-beamphysics", "openpmd")
_ATTRIBUTES = ("species", "mass", "charge", "p0c", "current")
_PREFIX = "pyjutrack_"
_DIGEST = _PREFIX + "digest"


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
    particles = _particle_group()(data=_particles(beam, duration))
    species, p0c = beam.reference.species, detached(beam.reference.p0c)
    kept = (species.name, species.mass, species.charge, p0c, detached(beam.current))

    def fill(file: Any) -> None:
        particles.write(file)
        group = _species_groups(file)[0]
        for name, value in zip(_ATTRIBUTES, kept, strict=True):
            group.attrs[_PREFIX + name] = value
        group.attrs[_DIGEST] = _digest(file)

    h5py = optional("h5py", "openpmd-beamphysics", "openpmd")
    write_hdf5(require_path("path", path), h5py, fill)


def _particle_group() -> Any:
    """The class of that package, whose import also loads what draws, with warnings of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optional(*_EXTRA).ParticleGroup


def _particles(beam: Beam, duration: float) -> dict[str, Any]:
    from scipy.constants import elementary_charge  # late: it takes a moment to load

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
    current = detached(beam.current)
    charge = current * duration / len(beam) if current else elementary_charge
    return {
        "x": x,
        "y": y,
        "z": np.zeros_like(x),
        "px": px * reference.p0c,
        "py": py * reference.p0c,
        "pz": np.sqrt(np.maximum(square, 0.0)) * reference.p0c,
        "t": -z / (SPEED_OF_LIGHT * _beta(total * reference.p0c, reference.species)),
        "status": beam.alive.cpu().numpy().astype(int),
        "weight": np.full_like(x, charge),
        "species": reference.species.name,
    }


def _beta(momentum: Array, species: Species) -> Array:
    """Velocity in units of c of particles of a momentum [eV/c]; 1 where there is none."""
    safe = np.where(momentum > 0, momentum, np.inf)
    return 1 / np.hypot(1.0, species.mass / safe)


def read_beam(
    path: str | Path,
    reference: Reference | None = None,
    *,
    species: Species | None = None,
    duration: float | None = None,
) -> Beam:
    """Read a beam from an openPMD file (HDF5) with one bunch of one species.

    Particles at different z are moved along straight lines to the plane of the mean z, and z of the
    beam is -beta c (t - t0), with t0 the mean time of the particles alive in files of others and 0
    in those of `write_beam`.

    Args:
        path: of the file.
        reference: that coordinates are counted from; left out, that of the file, or, with a
            warning, the mean momentum of the particles alive.
        species: mass and charge of a species that the file names and nobody knows.
        duration: the time [s] in which the charge of the file passes: current = charge / duration.
            Left out, the current is that of the file, or, with a warning, 0.

    Raises:
        LatticeFileError: the file is not there, is not HDF5, holds no or several bunches or
            species, a species that is not known, unequal weights, coordinates that no beam
            has, or it has changed since `write_beam` wrote it.
        MissingPackageError: openpmd-beamphysics is not installed.
    """
    path, notes = require_path("path", path), Notes()
    if reference is not None:
        require_reference(reference)
    if species is not None:
        require_kind("species", species, Species, "a Species", "such as Species.named(...)")
    if duration is not None:
        require_real("duration", duration, above=0)
    kept, found = _loaded(path, notes)
    known = _reference(path, found, kept, reference, species, notes)
    try:
        beam = _beam(path, found, known, with_times=not kept)
        current = _current(path, found, kept, duration, notes)
        beam = beam.replace(current=current)
        check_beam(beam)
    except InvalidValueError as error:
        raise wrong(path, str(error)) from error
    for note in notes.all:
        warn(f"{path}: {note}", LatticeWarning)
    return beam


def _loaded(path: Path, notes: Notes) -> tuple[dict[str, Any], Any]:
    """The attributes of `write_beam`, or none, and the particles."""
    group_of = _particle_group()
    if not path.is_file():
        raise wrong(path, "there is no such file")
    h5py = optional("h5py", "openpmd-beamphysics", "openpmd")
    if not is_hdf5(path):
        raise wrong(path, "not an HDF5 file; beams are read from openPMD files in HDF5")
    fault = unreadable(path)
    if fault is not None:
        raise wrong(path, fault)
    with guarded(path, "openpmd-beamphysics", notes), h5py.File(path, "r") as file:
        groups = _species_groups(file)
        if not groups:
            raise wrong(path, "the file holds no particles: no group has a speciesType")
        if len(groups) > 1:
            names = ", ".join(group.name for group in groups)
            raise wrong(path, f"the file holds several bunches or species: {names}")
        attributes = groups[0].attrs
        if any(name.startswith(_PREFIX) for name in attributes):
            mark = attributes.get(_DIGEST)
            if mark != _digest(file):
                raise wrong(
                    path,
                    "the file is damaged, or was changed since write_beam; take a fresh copy, or "
                    f"delete its attributes {_PREFIX}* to read it as a file of others",
                )
        present = {n: attributes[_PREFIX + n] for n in _ATTRIBUTES if _PREFIX + n in attributes}
        kept = present if len(present) == len(_ATTRIBUTES) else {}
        found = group_of(h5=file)
    if len(found) == 0:
        raise wrong(path, "the file holds no particles")
    return kept, found


def _digest(file: Any) -> str:
    """Of all that a file holds, but for the digest itself."""
    parts: list[bytes] = []

    def look(name: str, item: Any) -> None:
        for key in sorted(item.attrs):
            if key != _DIGEST:
                value = np.asarray(item.attrs[key])
                parts.extend((f"{name}@{key}".encode(), repr(value.tolist()).encode()))
        if hasattr(item, "dtype"):
            values = np.ascontiguousarray(item[()])
            parts.extend((f"{name} {values.dtype} {values.shape}".encode(), values.tobytes()))

    look("/", file)
    file.visititems(look)
    return digest(*parts)


def _species_groups(file: Any) -> list[Any]:
    groups: list[Any] = []

    def look(_: str, item: Any) -> None:
        if "speciesType" in item.attrs:
            groups.append(item)

    file.visititems(look)
    return groups


def _reference(
    path: Path,
    found: Any,
    kept: dict[str, Any],
    given: Reference | None,
    species: Species | None,
    notes: Notes,
) -> Reference:
    if given is not None:
        return given
    try:
        if kept:
            name, mass, charge, p0c = (kept[n] for n in _ATTRIBUTES[:4])
            return Reference(Species(str(name), float(mass), float(charge)), float(p0c))
        species = species or _species(path, str(found.species))
        alive = found.status == 1
        mean = float(np.mean(found.p[alive])) if alive.any() else float("nan")
        reference = Reference(species, mean)
    except (PyJuTrackError, TypeError, ValueError) as error:
        if isinstance(error, LatticeFileError):
            raise
        raise wrong(path, f"no reference can be made: {error}") from error
    notes.add(f"names no reference momentum; the mean, p0c = {mean:.10g} eV, is taken")
    return reference


def _species(path: Path, name: str) -> Species:
    """A species of ours, or of openpmd-beamphysics."""
    try:
        return Species.named(name)
    except PyJuTrackError as error:
        table = optional("beamphysics.species", *_EXTRA[1:])
        if name in table.MASS_OF:
            return Species(name, float(table.MASS_OF[name]), float(table.CHARGE_STATE[name]))
        raise wrong(path, f"{error}; give its mass and charge with species=") from error


def _beam(path: Path, found: Any, reference: Reference, *, with_times: bool) -> Beam:
    alive = found.status == 1
    if not alive.any():
        raise wrong(path, f"none of the {len(found)} particles is alive (particleStatus 1)")
    backward = alive & ~(found.pz > 0)
    if backward.any():
        raise wrong(
            path,
            f"{int(backward.sum())} of {int(alive.sum())} particles alive do not move forward, the "
            f"first with pz = {found.pz[backward][0]:g} eV/c; tracking along s has no place for "
            "them, so mark them as lost (particleStatus) or take them out",
        )
    momentum = np.sqrt(found.px**2 + found.py**2 + found.pz**2)
    beta = _beta(momentum, reference.species)
    x, y, t = found.x, found.y, found.t
    plane = np.mean(found.z[alive])
    if np.any(found.z[alive] != plane):
        ahead = np.where(found.pz > 0, (found.z - plane) / np.where(found.pz > 0, found.pz, 1.0), 0)
        x, y = x - ahead * found.px, y - ahead * found.py
        t = t - ahead * momentum / (beta * SPEED_OF_LIGHT)
    start = np.mean(t[alive]) if with_times else 0.0
    px, py = found.px / reference.p0c, found.py / reference.p0c
    z = -beta * SPEED_OF_LIGHT * (t - start)
    delta = momentum / reference.p0c - 1
    coordinates = np.stack([x, px, y, py, z, delta], axis=-1)
    return Beam(reference, coordinates, 0.0, alive)  # type: ignore[arg-type]


def _current(
    path: Path, found: Any, kept: dict[str, Any], duration: float | None, notes: Notes
) -> float:
    weights = np.abs(found.weight[found.status == 1])
    if np.ptp(weights) > 1e-9 * weights.max():
        raise wrong(
            path,
            f"weights differ, from {weights.min():g} to {weights.max():g} C; a beam has "
            "macroparticles of equal weight, so resample the file first",
        )
    if duration is not None:
        return float(weights[0]) * len(found) / float(duration)
    if kept:
        return float(kept["current"])
    charge = float(weights[0]) * len(found)
    notes.add(
        f"holds a charge of {charge:g} C and no current; 0 A is taken, duration= would tell it"
    )
    return 0.0

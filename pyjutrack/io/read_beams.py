"""Read beams from openPMD files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..beam.beam import Beam
from ..beam.faults import check_beam
from ..beam.reference import SPEED_OF_LIGHT, Reference, Species, require_reference
from ..core.checks import require_kind, require_path, require_real
from ..core.errors import InvalidValueError, PyJuTrackError, warn
from ..core.hdf5_check import find_damage, is_hdf5
from .errors import LatticeFileError, LatticeWarning, wrong
from .openpmd import (
    ATTRIBUTES,
    DIGEST,
    EXTRA,
    PREFIX,
    beta_of,
    digest_of,
    particle_group,
    species_groups,
)
from .optional import guard, optional
from .record import Notes


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
        species: mass and charge of a species that the file names and the package lacks.
        duration: the time [s] in which the charge of the file passes, for a coasting beam of
            current = charge / duration. Left out, the beam is a bunch of the charge of the file,
            or as `write_beam` was given it.

    Raises:
        LatticeFileError: the file is not there, is not HDF5, holds no or several bunches or
            species, a species that is not known, weights of both signs, coordinates that no
            beam has, or it has changed since `write_beam` wrote it.
        MissingPackageError: openpmd-beamphysics is not installed.

    Example:
        >>> beam = pj.read_beam("beam.h5")
    """
    path, notes = require_path("path", path), Notes()
    if reference is not None:
        require_reference(reference)
    if species is not None:
        require_kind("species", species, Species, "a Species", "such as Species.from_name(...)")
    if duration is not None:
        require_real("duration", duration, above=0)
    kept, found, numbers = _load(path, notes)
    known = _reference(path, found, kept, reference, species, notes)
    if numbers is not None:
        found.weight = numbers * known.species.charge * _elementary_charge()
    try:
        beam = _beam(path, found, known, with_times=not kept)
        beam = beam.replace(**_amounts(path, found, kept, duration))
        check_beam(beam)
    except InvalidValueError as error:
        raise wrong(path, str(error)) from error
    for note in notes.all:
        warn(f"{path}: {note}", LatticeWarning)
    return beam


def _load(path: Path, notes: Notes) -> tuple[dict[str, Any], Any, Any]:
    """Load the attributes of `write_beam`, or none; the particles; their real numbers, if given.

    The base of the standard has numbers of real particles, `weighting`, and its extension charges,
    `weight`, which openpmd-beamphysics reads.
    """
    group_of = particle_group()
    if not path.is_file():
        raise wrong(path, "there is no such file")
    h5py = optional("h5py", "openpmd-beamphysics", "openpmd")
    if not is_hdf5(path):
        raise wrong(path, "not an HDF5 file; beams are read from openPMD files in HDF5")
    fault = find_damage(path)
    if fault is not None:
        raise wrong(path, fault)
    with guard(path, "openpmd-beamphysics", notes), h5py.File(path, "r") as file:
        groups = species_groups(file)
        if not groups:
            raise wrong(path, "the file holds no particles: no group has a speciesType")
        if len(groups) > 1:
            names = ", ".join(group.name for group in groups)
            raise wrong(path, f"the file holds several bunches or species: {names}")
        attributes = groups[0].attrs
        if any(name.startswith(PREFIX) for name in attributes):
            mark = attributes.get(DIGEST)
            if mark != digest_of(file):
                raise wrong(
                    path,
                    "the file is damaged, or was changed since write_beam; take a fresh copy, or "
                    f"delete its attributes {PREFIX}* to read it as a file of others",
                )
        kept = {n: attributes[PREFIX + n] for n in ATTRIBUTES if PREFIX + n in attributes}
        found, numbers = group_of(h5=file), None
        if "weight" not in groups[0] and "weighting" in groups[0]:
            readers = optional("beamphysics.readers", *EXTRA[1:])
            numbers = readers.particle_array(groups[0], "weighting")
    if len(found) == 0:
        raise wrong(path, "the file holds no particles")
    return kept, found, numbers


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
            name, mass, charge, p0c = (kept[n] for n in ATTRIBUTES[:4])
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
        return Species.from_name(name)
    except PyJuTrackError as error:
        table = optional("beamphysics.species", *EXTRA[1:])
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
    beta = beta_of(momentum, reference.species)
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
    return Beam(reference, coordinates, alive=alive)  # type: ignore[arg-type]


def _amounts(
    path: Path, found: Any, kept: dict[str, Any], duration: float | None
) -> dict[str, Any]:
    """Current or charge of the whole beam, and weights in units of an equal share of it."""
    alive = found.status == 1
    if (found.weight[alive] < 0).any() and (found.weight[alive] > 0).any():
        raise wrong(path, "the weights of some particles are negative, and those of others not")
    weight = np.abs(found.weight)
    equal = bool(np.ptp(weight[alive]) <= 1e-9 * weight[alive].max())
    share = float(kept.get("share", weight[alive][0] if equal else weight.mean()))
    charge = share * len(found)
    amounts: dict[str, Any] = {"charge": charge}
    if duration is not None:
        amounts = {"current": charge / float(duration)}
    elif kept:
        both = {"current": float(kept["current"]), "charge": float(kept.get("bunch_charge", 0.0))}
        amounts = {name: amount for name, amount in both.items() if amount}  # 0 is none given
    if not equal or weight[alive][0] != share:
        amounts["weights"] = weight / share
    return amounts


def _elementary_charge() -> float:
    from scipy.constants import elementary_charge  # late: it takes a moment to load

    return float(elementary_charge)

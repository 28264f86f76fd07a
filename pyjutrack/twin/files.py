"""Twins as files: numbers and a description, nothing that could run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..beam import Beam
from ..errors import InvalidValueError, UnknownNameError
from ..io.own import described, lattice_from
from ..number import detached
from ..surrogate import files
from . import records
from .model import Twin
from .unknowns import Unknown

_HOLDS = "twin"


def save(twin: Twin, path: str | Path) -> str:
    """Write a twin, whole or not at all; returns the digest.

    A safetensors file, with a description in JSON: lattice, beam, kicks, diagnostics, unknowns with
    their values. `load` gives a twin back that predicts the same to the bit.

    Raises:
        InvalidValueError: something that no file can hold: a kick, potential or diagnostic of a
            user's own, or what carries derivatives.
    """
    beam, tensors = twin.beam, {}
    tensors["beam.coordinates"] = records.value(beam.coordinates, "the beam")
    tensors["beam.alive"] = beam.alive
    kicks = [records.write(kick, tensors, f"kicks.{n}.") for n, kick in enumerate(twin.kicks)]
    for n, unknown in enumerate(twin.unknowns):
        tensors[f"unknowns.{n}"] = records.value(unknown.tensor(), unknown.address)
    description = {
        "lattice": described(twin.lattice, beam.reference),
        "current": detached(beam.current),
        "kicks": kicks,
        "diagnostics": [records.write_diagnostic(d) for d in twin.diagnostics],
        "unknowns": [
            {"address": u.address, "prior": _plain(u.prior), "relative": u.relative}
            for u in twin.unknowns
        ],
    }
    return files.write(Path(path), description, tensors, holds=_HOLDS)


def load(path: str | Path) -> Twin:
    """The twin of a file that `save` wrote.

    Raises:
        InvalidValueError: no such file, one that is damaged, changed, or of another kind.
    """
    path = Path(path)
    description, tensors, _ = files.read(path, holds=_HOLDS)
    try:
        return _twin(path, description, tensors)
    except (KeyError, TypeError, UnknownNameError) as error:
        raise InvalidValueError(f"{path} does not describe a twin: {error}") from error


def _twin(path: Path, description: dict[str, Any], tensors: records.Tensors) -> Twin:
    file = lattice_from(path, description["lattice"])
    if file.reference is None:
        raise InvalidValueError(f"{path} does not describe a twin: it has no reference particle")
    coordinates, alive = tensors["beam.coordinates"], tensors["beam.alive"]
    beam = Beam(file.reference, coordinates, description["current"], alive)
    unknowns = [
        Unknown(u["address"], float(u["prior"]), u["relative"], tensors[f"unknowns.{n}"])
        for n, u in enumerate(description["unknowns"])
    ]
    return Twin(
        file.lattice,
        beam,
        tuple(records.read_diagnostic(d) for d in description["diagnostics"]),
        tuple(
            records.read(kick, tensors, f"kicks.{n}.")
            for n, kick in enumerate(description["kicks"])
        ),
        tuple(unknowns),
    )


def _plain(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)  # JSON has no word for it

"""A format of lattice files keeps its promises."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..engines.track import track
from ..io import LatticeFile, LatticeFormat, LatticeSource, lattice_formats, read_lattice
from ..io.errors import LatticeFileError
from ..io.lattices import write_lattice
from ..lattice.lattice import Lattice
from .comparison import CheckFailedError, require_close, require_true


def check_format(
    format: LatticeFormat, lattice: Lattice, reference: Reference | None = None
) -> None:
    """Put a format of lattice files through what those of this package go through.

    It is registered; a lattice that it writes comes back with the same names and moves particles
    alike; a file that is cut off, empty or of other bytes is refused by name, and no other error.

    Args:
        format: registered, see `pyjutrack.io.register_format`. Without `write` only the last is
            checked.
        lattice: that it can write.
        reference: of the lattice; protons of 1 GeV by default.

    Raises:
        CheckFailedError: what does not hold.
    """
    reference = Reference.from_kinetic("proton", 1e9) if reference is None else reference
    known = lattice_formats().get(format.name) is format
    require_true(f"{format.name} is not registered: see register_format", known)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"checked{format.suffixes[0]}"
        if format.write is not None:
            write_lattice(path, lattice, reference, format=format.name)
            _check_record(format, path, reference)
            _check_read(path, lattice, reference)
            _check_refused(path, path.read_bytes()[: path.stat().st_size // 2], cut=True)
        for content in (b"", bytes(range(256)) * 4, b"\xff\xfe" + b"{[(" * 100):
            _check_refused(path, content)


def _check_record(format: LatticeFormat, path: Path, reference: Reference) -> None:
    try:
        found: Any = format.read(LatticeSource(path, reference=reference))
    except Exception:  # read_lattice meets it again, and names the file
        return
    require_true(
        f"read of the format {format.name} must return a LatticeFile, as in "
        f"`return LatticeFile(lattice)`; it returns {_kind_of(found)}",
        isinstance(found, LatticeFile),
    )


def _kind_of(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _check_read(path: Path, lattice: Lattice, reference: Reference) -> None:
    found = read_lattice(path, reference=reference).lattice
    require_true(
        f"the file gives back {found.names}, not {lattice.names}", found.names == lattice.names
    )
    rows = torch.as_tensor(np.random.default_rng(1).normal(0, 1e-4, (10, 6)))
    ours, theirs = (track(line, Beam(reference, rows)) for line in (lattice, found))
    require_close(
        "The lattice of the file must move particles as the one that was written",
        theirs.coordinates.numpy(),
        ours.coordinates.numpy(),
        1e-13,
        "write every parameter with all its digits, and refuse what the format cannot say",
        rows=True,
    )


def _check_refused(path: Path, content: bytes, *, cut: bool = False) -> None:
    """Check that a damaged file is refused; one that was cut off may still be a whole one."""
    path.write_bytes(content)
    try:
        read_lattice(path)
    except LatticeFileError as error:
        require_true(f"an error that does not name the file: {error}", path.name in str(error))
    except Exception as error:
        raise CheckFailedError(
            f"{content[:20]!r} raises {type(error).__name__} instead of LatticeFileError: {error}"
        ) from error
    else:
        if not cut:
            raise CheckFailedError(f"{content[:20]!r} is read without an error")

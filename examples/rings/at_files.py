"""Tunes and chromaticities of AT files, by pyAT and by this package, as a table.

    python examples/rings/at_files.py                    # the files that pyAT installs
    python examples/rings/at_files.py ring.mat other.m

Both at the speed of light, which AT's maps know alone, and without cavities.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from peer_at import fast

from pyjutrack.io import read_lattice
from pyjutrack.optics import twiss_table

#: of delta, between which pyAT differences tunes: its own 3e-6 leaves noise of 1e-4 in err.mat
_STEP = 3e-5


def find_shipped() -> list[Path]:
    """The lattice files of the installed pyAT."""
    import machine_data

    folder = Path(machine_data.__file__).parent
    return sorted(path for path in folder.iterdir() if path.suffix in (".m", ".mat"))


def theirs(path: Path) -> np.ndarray:
    """Fractional tunes and chromaticities of one period, x and y, by pyAT."""
    import at

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lattice: Any = at.load_lattice(str(path))
        lattice.disable_6d(copy=False)
        _, ring, _ = lattice.get_optics(get_chrom=True, DPStep=_STEP)
    return np.concatenate([ring.tune[:2], ring.chromaticity[:2]])


def ours(path: Path) -> np.ndarray:
    """The same by this package, from the file as it is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read_lattice(path)
    assert found.reference is not None
    table = twiss_table(found.lattice, fast(found.reference), chromatic=True)
    tunes = [table.tune_x % 1, table.tune_y % 1]
    return np.array([*tunes, table.chromaticity_x, table.chromaticity_y])


def row(path: Path) -> str:
    """A line of the table."""
    try:
        numbers = [*theirs(path), *ours(path)]
    except Exception as error:
        return f"| `{path.name}` | {type(error).__name__}" + " |" * 8
    return f"| `{path.name}` | " + " | ".join(f"{number:.5f}" for number in numbers) + " |"


if __name__ == "__main__":
    for chosen in [Path(name) for name in sys.argv[1:]] or find_shipped():
        print(row(chosen), flush=True)

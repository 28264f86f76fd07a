"""What an effect does in single precision, and that it does not round to it by itself."""

from __future__ import annotations

import numpy as np
import torch

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..lattice.lattice import Lattice
from .comparison import Array, require_close
from .effect_intensity import track_turns


def check_precision(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, end: Array, change: float
) -> None:
    """Check that a beam in single precision moves as one in double precision does."""
    require_close(
        "Single precision must agree with double precision",
        track_turns(effect, beam.to(torch.float32), lattice),
        end,
        1e-3 * change + 1e-5 * float(np.nanmax(np.abs(end))),
        rows=True,
    )


def check_default_precision(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, end: Array, tolerance: float
) -> None:
    """Check that nothing is rounded to single precision on its way."""
    usual = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float32 if usual == torch.float64 else torch.float64)
        found = track_turns(effect, beam, lattice)
    finally:
        torch.set_default_dtype(usual)
    require_close(
        "PyTorch's default precision must not matter",
        found,
        end,
        tolerance,
        "give new tensors the precision of the particles, dtype=state.coordinates[0].dtype; that "
        "of whole numbers times a float is PyTorch's default",
        rows=True,
    )

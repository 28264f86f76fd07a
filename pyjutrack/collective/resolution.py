"""How fine a grid must be for the beam on it."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.digits import round_down
from ..core.errors import ResolutionWarning, warn

#: rms sizes below this many cells of a grid lose accuracy
CELLS = 2.0


def warn_if_few_cells(sizes: Mapping[str, tuple[float, float]], remedy: str) -> None:
    """Warn of sizes that a grid does not resolve.

    Args:
        sizes: rms size and length of a cell [m], by the name of the axis.
        remedy: what the user may do.
    """
    few = [
        f"{u} {round_down(size / cell):g} ({size:.3g} m in cells of {cell:.3g} m)"
        for u, (size, cell) in sizes.items()
        if size < CELLS * cell
    ]
    if few:
        warn(
            f"the grid is coarse for the beam: its rms sizes are, in cells, {' and '.join(few)}, "
            f"and the field is accurate from {CELLS:g} cells on; {remedy}",
            ResolutionWarning,
        )

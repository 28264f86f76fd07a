"""Transfer matrices by MAD-X, as an oracle of what other programs define "as in MAD"."""

from __future__ import annotations

import numpy as np
from madx_program import madx
from numpy.typing import NDArray


def mad_matrix(text: str, line: str = "ring", energy: float = 3.0) -> NDArray[np.float64]:
    """The matrix (4, 4) of x, px, y, py along a line, on the orbit that starts at zero.

    Args:
        text: definitions of elements and of the line, in MAD-X.
        line: its name.
        energy: of an electron [GeV].
    """
    beam = f"beam, particle=electron, energy={energy};"
    with madx(f"{beam} {text} use, sequence={line}; twiss, betx=1, bety=1, rmatrix;") as program:
        table = program.table.twiss
        return np.array([[table[f"re{i}{j}"][-1] for j in range(1, 5)] for i in range(1, 5)])

"""Optics of maps that do not conserve volume in phase space: told, as tunes hide it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..core.errors import SymplecticityWarning, warn
from ..core.names import label
from ..core.symplectic import FORM
from ..lattice.lattice import Lattice

#: matrices of files have some nine digits
_TOLERANCE = 1e-7


def warn_if_not_symplectic(lattice: Lattice, matrices: Tensor) -> None:
    """Warn of elements whose linear maps (N, 6, 6) are not symplectic, of those that may be so."""
    suspects = [n for n, element in enumerate(lattice) if not element.is_symplectic]
    if not suspects:
        return
    m = matrices[..., suspects, :, :].detach().numpy()
    errors = np.abs(m.mT @ FORM @ m - FORM).max((-2, -1)).reshape(-1, len(suspects)).max(0)
    worst = int(errors.argmax())
    if float(errors[worst]) < _TOLERANCE:
        return
    count, element = int((errors >= _TOLERANCE).sum()), lattice.elements[suspects[worst]]
    warn(
        f"{count} element(s) have maps that are not symplectic, most of all "
        f"{label(element)}, by {float(errors[worst]):.2g}: tunes are "
        "angles of eigenvalues, and amplitudes grow or shrink where optical functions do not say",
        SymplecticityWarning,
    )

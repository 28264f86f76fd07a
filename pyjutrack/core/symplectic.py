"""The symplectic form."""

from __future__ import annotations

import numpy as np

#: S of (x, px, y, py, z, delta): a matrix M is symplectic if M^T S M = S
FORM = np.zeros((6, 6))
FORM[[0, 2, 4], [1, 3, 5]] = 1.0
FORM[[1, 3, 5], [0, 2, 4]] = -1.0
FORM.flags.writeable = False

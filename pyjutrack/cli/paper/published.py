"""The published numbers. Nothing computes with them; they are printed beside ours."""

import numpy as np

#: Table 1: Jacobian in (x, px, y, py) from finite differences, step 1e-6
TABLE_1 = np.array(
    [
        [-1.047, 0.938, -3.8e-4, 2.5e-3],
        [-3.362, 2.058, 1.2e-2, 1.0e-2],
        [-6.1e-3, 4.5e-4, 2.122, 0.941],
        [4.7e-3, 4.4e-3, -3.643, -1.143],
    ]
)

#: Table 2: the same from Enzyme
TABLE_2 = np.array(
    [
        [-1.043, 0.938, -2.0e-4, 2.5e-3],
        [-3.353, 2.058, 1.2e-2, 1.0e-2],
        [-6.1e-3, 4.5e-4, 2.127, 0.941],
        [4.7e-3, 4.4e-3, -3.649, -1.144],
    ]
)

#: Table 3: gradient of the normalised horizontal emittance growth: (AD, FD)
TABLE_3 = {
    "d1.length": (3.04e-2, 3.04e-2),
    "q1.length": (-1.11e-1, -1.12e-1),
    "q1.k1": (-4.33e-4, -4.34e-4),
    "d2.length": (-5.32e-3, -5.33e-3),
    "q2.length": (-8.53e-3, -8.54e-3),
    "q2.k1": (1.14e-5, 1.14e-5),
    "d3.length": (-5.66e-3, -5.66e-3),
}

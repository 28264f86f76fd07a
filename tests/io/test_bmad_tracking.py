"""Single particles by Bmad, out of its own regression test of tracking methods."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from lattice_text import reader

import pyjutrack as pj

START = (1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3)
#: x, px, y, py, z, pz after an element, by Runge-Kutta, or by the map of what is thin; `-` is
#: not compared
RESULTS = {
    "ab_multipole, a2 = 1e2, b2 = 1e2, x_offset = 0.02, tilt = 0.1": (
        "1e-3 -4.9552061312e-2 3e-3 1.2965766811e-2 5e-3 6e-3"
    ),
    "drift, l = 4.5, x_offset = 0.05, y_pitch = 0.001, tilt = 0.1": (
        "9.9464104682e-3 2e-3 2.0892820936e-2 4e-3 1.1959140563e-2 6e-3"
    ),
    "ecollimator, l = 4.5, x_limit = 0.2, y_limit = 0.1, x_offset = 0.02, y_pitch = 0.001, "
    "tilt = 0.1, hkick = 0.01, vkick = 0.002": (
        "3.2313834471e-2 1.2e-2 2.5366667262e-2 5.9999214737e-3 1.1819802745e-2 6e-3"
    ),
    "hkicker, l = 4.5, kick = 0.005, x_offset = 0.05, y_pitch = 0.001, tilt = 0.1": (
        "2.1073861924e-2 6.9750208264e-3 2.2009415888e-2 4.4991430315e-3 1.1914050650e-2 6e-3"
    ),
    "vkicker, l = 4.5, kick = 0.005, x_offset = 0.05, y_pitch = 0.001, tilt = 0.1": (
        "8.8300638835e-3 1.5008329168e-3 3.2020436018e-2 8.9749920989e-3 1.1898586711e-2 6e-3"
    ),
    "kicker, l = 4.5, b0 = 0.002, vkick = 0.003, x_offset = 0.05, y_pitch = 0.001, tilt = 0.1": (
        "9.2632472582e-3 1.6945297251e-3 2.7567972796e-2 6.9843992550e-3 1.1927287311e-2 6e-3"
    ),
    "multipole, k1l = 1, t1, k3l = 4.5, t3 = 0.31*pi, x_offset = 0.05": (
        "1e-3 -1.0525180817e-3 3e-3 5.2928477579e-2 5e-3 6e-3"
    ),
    "octupole, l = 4.5, k3 = 1e3, tilt, x_offset = 0.01, y_pitch = 0.001": (
        "1.0076720621e-2 2.8235142850e-3 1.8935228288e-2 3.0710801519e-3 1.1965838319e-2 6e-3"
    ),
    "sextupole, l = 0.6, k2 = 1, tilt, x_offset = 0.05, y_pitch = 0.001": (
        "2.2263981200e-3 2.1196038935e-3 5.1757579163e-3 3.3025671224e-3 5.9286034761e-3 6e-3"
    ),
    "solenoid, l = 2.6, ks = 1, x_offset = 0.05, y_pitch = 0.001, tilt = 0.1": (
        "5.4035849804e-2 5.4195575858e-3 1.2438832850e-2 -2.2518166740e-2 8.0446836196e-3 6e-3"
    ),
    "thick_multipole, l = 4.5, a2 = 1, b3 = 20, x_offset = 0.02, tilt = 0.1": (
        "9.1629024491e-3 1.5727738552e-3 2.1268184627e-2 3.9987473258e-3 1.1959081477e-2 6e-3"
    ),
    "patch, x_offset = 0.001, y_offset = 0.002, z_offset = 0.004, x_pitch = 0.001, "
    "y_pitch = 0.002, tilt = 2": (
        "9.2044551828e-4 1.3940388391e-3 -4.2999223856e-4 -1.7311540917e-3 - 6e-3"
    ),
    "rfcavity, rf_frequency = 5e8, voltage = 1e5, phi0 = 0.1, x_offset = 0.05, y_pitch = 0.001, "
    "tilt = 0.1": "- - - - 5.0999278142e-3 9.1057766009e-2",
}


@pytest.mark.filterwarnings("ignore:.*along the axes at its exit:pyjutrack.errors.LatticeWarning")
@pytest.mark.parametrize("definition", RESULTS)
def test_a_particle_goes_where_bmad_brings_it(tmp_path: Path, definition: str) -> None:
    """Steps of ours are as fine as Bmad's results are given."""
    read = reader(tmp_path, "a.bmad", "parameter[e_tot] = 1e6\n")
    found = read(f"e: {definition}\nr: line = (e)\n")
    fine = [dataclasses.replace(e, steps=200) if hasattr(e, "steps") else e for e in found.lattice]
    beam = pj.Beam(found.reference, torch.tensor([START], dtype=torch.float64))
    ours = np.asarray(pj.track(pj.Lattice(fine), beam).coordinates)[0]
    for value, theirs in zip(ours, RESULTS[definition].split(), strict=True):
        if theirs != "-":
            assert value == pytest.approx(float(theirs), abs=2e-10)

"""Gradients by every knob of every kind, against differences of lattices that are built anew."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from kind_cases import PROTON, beam

import pyjutrack as pj

PLACES = {"tilt": 0.3, "dx": 1e-3, "dy": -2e-3, "dz": 3e-3, "x_rot": 2e-3, "y_rot": -3e-3}
PLACES["z_rot"] = -0.2
SETS = {"knl": (1e-3, 0.1, 2.0, 20.0), "ksl": (2e-3, 0.2, 1.0)}
FACES = {"e1": 0.05, "e2": -0.08, "fint": 0.5, "fintx": 0.4, "hgap": 0.02}
CAVITY = {"voltage": 2e6, "frequency": 1e8, "phase": 0.4}
ELEMENTS = [
    pj.Drift(0.2),
    pj.Drift(0.2, model="paraxial"),
    pj.Monitor(0.1),
    pj.Quadrupole(0.2, 3.0),
    pj.Quadrupole(0.2, -3.0),
    pj.Quadrupole(0.2, -3.0, k1s=1.0, **SETS),
    pj.Quadrupole(0.2, 3.0, k1s=1.0, model="exact", fringe="hard-edge", knl=(1e-3, 0.1)),
    pj.Quadrupole(0.2, 3.0, model="paraxial", order=2, steps=2),
    pj.Sextupole(0.2, 30.0, k2s=9.0, **SETS),
    pj.Octupole(0.2, 300.0, k3s=90.0, **SETS),
    pj.Multipole(length=0.2, **SETS),
    pj.Multipole(**SETS),
    pj.Kicker(hkick=1e-3, vkick=-1e-3),
    pj.Kicker(0.2, hkick=1e-3, vkick=-1e-3, knl=(1e-3, 0.1)),
    pj.Kicker(0.2, hkick=1e-3, vkick=-1e-3, model="paraxial"),
    pj.Solenoid(0.3, 0.5),
    pj.SBend(0.5, 0.1, k1=0.3, model="linear", **FACES),
    pj.RBend(0.5, 0.1, k1=-0.3, k2=3.0, model="linear", knl=(1e-3,)),
    pj.SBend(0.5, 0.1, k1=0.3, k2=3.0, model="paraxial", e1=0.05, e2=0.04, steps=4, **SETS),
    pj.SBend(0.5, 0.1, dk0=1e-2, model="paraxial", steps=4, **FACES),
    pj.SBend(0.5, 0.1, **FACES),
    pj.RBend(0.5, 0.1, k1=0.3, k2=3.0, steps=4, **SETS),
    pj.SBend(0.5, 0.1, dk0=1e-2, **FACES),
    pj.DipoleEdge(0.2, 0.1, fint=0.5, hgap=0.02),
    pj.ThinBend(0.05, h=0.1, knl=(1e-3,), ksl=(1e-3, 0.1)),
    pj.RFCavity(0.2, **CAVITY),
    pj.CrabCavity(0.2, **CAVITY),
    pj.TaylorMap(0.9 * np.eye(6) + 0.01 * np.arange(36).reshape(6, 6), kick=(1e-4,) * 6),
    pj.Patch(dx=1e-3, dy=2e-3, dz=0.05, x_rot=0.02, y_rot=-0.03, z_rot=0.2),
]
#: of what starts at zero
ZEROS = [
    pj.Drift(0.2),
    pj.Quadrupole(0.2, 3.0),
    pj.Quadrupole(0.2),
    pj.Sextupole(0.2, knl=(0.0, 0.0), ksl=(0.0, 0.0, 0.0)),
    pj.SBend(0.5, 0.1, k2=1.0),
    pj.SBend(0.5, 0.1, k1=0.3, steps=4, model="paraxial", knl=(0.0, 0.0, 0.0, 0.0)),
    pj.Multipole((0.0, 0.1, 0.0, 0.0, 0.0, 0.0)),
    pj.SBend(0.5, 0.1, k1=0.3, model="linear"),
    pj.RFCavity(0.2, frequency=1e8),
    pj.Patch(),
]


def skipped(element, knob, value):
    """What is refused at zero, a length that cannot be less, and what makes a row of an SBEND."""
    bend = isinstance(element, pj.SBend)
    faces = bend and element.model == "exact" and knob in ("e1", "e2")
    field = bend and element.model == "paraxial" and knob == "dk0"
    return float(value) == 0 and (faces or field or knob == "length")


def figure(final, initial):
    """A number that sees every coordinate of a few particles."""
    c = final.coordinates - initial.coordinates
    weights = [[3.0, 1.0, -2.0, 4.0, 0.5, 1.0], [1.0, -2.0, 1.0, 1.0, 1.0, -3.0]]
    return sum((c[i] * c.new_tensor(w)).sum() + (c[i] ** 2).sum() for i, w in enumerate(weights))


def differences(lattice, start, wrt, engine):
    def value(address, at):
        changed = lattice.with_values({address: at})
        return float(figure(pj.track(changed, start, engine=engine), start))

    found = []
    for address in wrt:
        at = float(lattice.value(address))
        step = 1e-5 * (abs(at) if at else 1e-1)
        ends = [value(address, at + n * step) for n in (1, -1, 2, -2)]
        found.append((8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * step))
    return np.array(found)


@pytest.mark.parametrize("number", range(len(ELEMENTS)))
def test_every_knob(number, other):
    check(displaced(number), "forward", other)


@pytest.mark.parametrize("number", [4, 5, 8, 16, 20, 21, 22, 26])
def test_every_knob_backward(number, other):
    """Of a quadrupole, rows, a sextupole, bends and a cavity."""
    check(displaced(number), "reverse", other)


def test_exact_bends_backward_again_and_again(other):
    """In a process of its own, which JuTrack's own map ends; with particles that are lost."""
    done = subprocess.run([sys.executable, "-c", BACKWARD], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr[-2000:]


BACKWARD = """
import warnings
import numpy as np
import pyjutrack as pj
from juliacall import Main
warnings.simplefilter("ignore", pj.errors.LossWarning)
proton = pj.Reference.from_kinetic("proton", 1e9)
rng = np.random.default_rng(1)
weights = rng.normal(size=6)
kinds = [
    pj.SBend(0.5, 0.1, e1=0.05, e2=-0.08, fint=0.5, hgap=0.02, name="e"),
    pj.SBend(0.5, -0.13, edges="none", name="e"),
    pj.RBend(0.5, -0.13, k1=0.3, k2=3.0, steps=4, ksl=(2e-3, 0.2, 1.0), tilt=0.3, name="e"),
]
for turn in range(30):
    wall = pj.Aperture(half_width=2e-3, half_height=1.0)
    lattice = pj.Lattice([kinds[turn % 3], pj.Drift(5.0), wall])
    rows = rng.uniform(-1, 1, (int(rng.integers(2, 700)), 6)) * 1e-3
    rows[0, 0] = 0.0
    beam = pj.Beam.from_array(proton, rows)
    def figure(final):
        u = final.coordinates[final.alive]
        return (u @ u.new_tensor(weights)).sum() + 1e3 * (u ** 2).sum()
    options = dict(wrt=["e.length", "e.angle"], engine="julia")
    back, forth = (
        pj.gradient(figure, lattice, beam, mode=mode, **options) for mode in ("reverse", "forward")
    )
    np.testing.assert_allclose(back, forth, rtol=1e-9)
    Main.GC.gc()
print("done")
"""


def displaced(number):
    element = dataclasses.replace(ELEMENTS[number], name="e")
    return element if element.is_frame_change else dataclasses.replace(element, **PLACES)


@pytest.mark.parametrize("number", range(len(ZEROS)))
def test_every_knob_at_zero(number, other):
    element = dataclasses.replace(ZEROS[number], name="e")
    check(element, "forward", other)


def check(element, mode, other):
    lattice, start = pj.Lattice([element]), beam(np.random.default_rng(3))
    wrt = [*lattice.knobs(), *(f"e.{name}" for name in PLACES)]
    wrt = [a for a in dict.fromkeys(wrt) if not skipped(element, a[2:], lattice.value(a))]
    found = pj.gradient(figure, lattice, start, wrt=wrt, mode=mode, engine=other)
    expected = differences(lattice, start, wrt, other)
    scale = np.abs(expected) + 1e-7 * np.abs(expected).max()
    worst = int(np.argmax(np.abs(found - expected) / scale))
    message = f"{wrt[worst]}: {found[worst]} and {expected[worst]}"
    assert np.abs(found - expected).max() < 1e-6 * max(1.0, np.abs(expected).max()), message
    assert np.abs(found - expected)[worst] < 1e-4 * scale[worst] + 1e-7, message


@pytest.mark.parametrize(
    ("element", "knob"),
    [
        (pj.SBend(0.5, 0.1), "e1"),
        (pj.SBend(0.5, 0.1, model="linear"), "k1"),
        (pj.SBend(0.5, 0.0, model="linear"), "angle"),
        (pj.Solenoid(0.5), "ks"),
        (pj.Kicker(0.0, hkick=1e-3), "length"),
        (pj.Sextupole(0.0, knl=(0.0, 0.1)), "length"),
    ],
)
def test_slopes_that_jutrack_has_not(element, knob, other):
    """It asks whether a number is zero: refused, and not zero."""
    lattice = pj.Lattice([dataclasses.replace(element, name="e")])
    with pytest.raises(pj.errors.InvalidValueError, match="'e' in the julia engine: JuTrack"):
        pj.gradient(
            figure, lattice, beam(np.random.default_rng(1)), wrt=[f"e.{knob}"], engine=other
        )


def test_knobs_do_something():
    """What the cases are made of: no knob by which the native engine's differences vanish."""
    start = beam(np.random.default_rng(3), PROTON)
    for number, element in enumerate(ELEMENTS):
        line = pj.Lattice([displaced(number)])
        wrt = [a for a in line.knobs() if line.value(a)]
        assert (differences(line, start, wrt, "native") != 0).all(), element

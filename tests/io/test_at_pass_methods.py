"""Every pass method of pyAT: read as what tracks alike, or with a note that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_elements import PURE, REFERENCE, at, bend, particles, peer, quad, read

import pyjutrack as pj

RECTANGULAR = PURE | {"EntranceAngle": 0.06, "ExitAngle": 0.06}
GRADIENT = PURE | {"PolynomB": [0.0, 0.4, 2.0, 0.0]}
SQUARE = GRADIENT | {"EntranceAngle": 0.0, "ExitAngle": 0.0}
KICK = {"KickAngle": [3e-4, -2e-4]}
HALF = {"FieldScaling": 1.01}


def _sagitta(length: float, angle: float) -> float:
    """Arc less chord [m], which AT's `rbendtune` finds."""
    return length * (1 - np.sin(angle / 2) / (angle / 2))


def apart(source: Any, size: float) -> np.ndarray:
    """Ours minus pyAT's after one element."""
    start = particles(size)
    theirs = peer.track(at.Lattice([source.deepcopy()], energy=3e9, periodicity=1), start)
    ours = peer_ours(read(source)[0], start)
    return np.abs(ours - theirs).max(axis=0)


def peer_ours(lattice: pj.Lattice, start: np.ndarray) -> np.ndarray:
    import torch

    return pj.track(lattice, pj.Beam(REFERENCE, torch.tensor(start))).coordinates.numpy()


#: the same maps in the same steps, up to rounding
SAME = {
    "DriftPass": at.Drift("d", 0.7),
    "ExactDriftPass": at.Drift("d", 0.7, PassMethod="ExactDriftPass"),
    "IdentityPass": at.Marker("m"),
    "StrMPoleSymplectic4Pass": quad("StrMPoleSymplectic4Pass"),
    "StrMPoleSymplectic4Pass sextupole": at.Sextupole("s", 0.2, 20.0, NumIntSteps=3),
    "StrMPoleSymplectic4Pass octupole": at.Octupole(
        "o", 0.2, [0, 0, 0, 9.0], [0, 0, 0, 40.0], NumIntSteps=3
    ),
    "StrMPoleSymplectic4Pass kicks": quad("StrMPoleSymplectic4Pass", **KICK),
    "StrMPoleSymplectic4Pass scaled": quad("StrMPoleSymplectic4Pass", **KICK, **HALF),
    "StrMPoleSymplectic4Pass in a dipole": bend("StrMPoleSymplectic4Pass"),
    "ExactMultipolePass": quad("ExactMultipolePass"),
    "ExactMultipolePass scaled": quad("ExactMultipolePass", **HALF),
    "QuadLinearPass": quad("QuadLinearPass", **KICK, **HALF),
    "QuadLinearPass in a sextupole": at.Sextupole(
        "s", 0.2, PolynomB=[0, 0.3, 20.0], PassMethod="QuadLinearPass"
    ),
    "QuadLinearFPass": quad("QuadLinearFPass"),
    "BndMPoleSymplectic4Pass": bend("BndMPoleSymplectic4Pass"),
    "BndMPoleSymplectic4Pass kicks": bend("BndMPoleSymplectic4Pass", **KICK),
    "BndMPoleSymplectic4Pass scaled": bend("BndMPoleSymplectic4Pass", **KICK, **HALF),
    "BndMPoleSymplectic4Pass without fringes": bend(
        "BndMPoleSymplectic4Pass", FullGap=0.04, FringeInt1=0.5, FringeInt2=0.4,
        FringeBendEntrance=0, FringeBendExit=0,
    ),
    "ThinMPolePass": at.ThinMultipole("t", [1e-3, 0.1, -3.0], [2e-3, 0.2, 5.0], **HALF),
    "ThinMPolePass kicks": at.ThinMultipole("t", [0.0], [0.0, 0.2], KickAngle=[0.02, 0.03]),
    "CorrectorPass": at.Corrector("c", 0.3, [1e-3, -2e-3]),
    "CorrectorPass thin": at.Corrector("c", 0.0, [1e-3, -2e-3], **HALF),
    "DriftPass in a quadrupole": quad("DriftPass"),
    "DriftPass in a corrector": at.Corrector("c", 0.3, [1e-3, 0], PassMethod="DriftPass"),
    "IdentityPass in a thin multipole": at.ThinMultipole(
        "t", [0, 0.1], [0, 0.2], PassMethod="IdentityPass"
    ),
    "StrMPoleSymplectic4Pass over no length": at.Multipole("m", 0.0, [0.0], [0.0, 3.0]),
    "CavityPass": at.RFCavity("c", 0.0, 2e5, 5e8, 1, 3e9, PassMethod="CavityPass"),
    "RFCavityPass": at.RFCavity("c", 0.0, 2e5, 5e8, 1, 3e9, TimeLag=0.03, PhaseLag=0.2),
}  # fmt: skip


#: the same physics by another integrator, or to another order: the power of the size by which the
#: two part, or None for what comes of the steps alone; and the most at 1 mm and 1e-3
CLOSE: dict[str, tuple[Any, int | None, float]] = {
    # curved body and faces to second order there, exact ones here
    "BndMPoleSymplectic4E2Pass": (bend("BndMPoleSymplectic4E2Pass", **PURE), 3, 2e-9),
    "BndMPoleSymplectic4E2Pass gradient": (
        bend("BndMPoleSymplectic4E2Pass", **SQUARE), 3, 5e-9
    ),
    # of which the gradient in the wedge, which is noted, is k1 tan(e) x^2
    "BndMPoleSymplectic4E2Pass gradient and faces": (
        bend("BndMPoleSymplectic4E2Pass", **GRADIENT), 2, 4e-7
    ),
    "BndMPoleSymplectic4E2Pass gap": (
        bend("BndMPoleSymplectic4E2Pass", **PURE, FullGap=0.04, FringeInt1=0.5, FringeInt2=0.5),
        2, 1e-8,
    ),
    "BndStrMPoleSymplectic4Pass": (
        bend("BndStrMPoleSymplectic4Pass", **RECTANGULAR, RefDZ=_sagitta(1.2, 0.12)), 2, 4e-7
    ),
    "ExactSectorBendPass": (bend("ExactSectorBendPass", **PURE), None, 1e-13),
    "ExactSectorBendPass multipoles": (bend("ExactSectorBendPass"), None, 3e-8),
    "ExactSectorBendPass gap": (bend("ExactSectorBendPass", **PURE, gK=0.02), 2, 2e-9),
    "ExactRectBendPass": (bend("ExactRectBendPass", **RECTANGULAR), None, 1e-13),
    "ExactRectangularBendPass": (bend("ExactRectangularBendPass", **RECTANGULAR), None, 3e-9),
    "BndMPoleSymplectic4Pass gap": (
        bend("BndMPoleSymplectic4Pass", **PURE, FullGap=0.04, FringeInt1=0.5, FringeInt2=0.5),
        2, 2e-9,
    ),
    "BendLinearPass": (bend("BendLinearPass", **PURE), None, 1e-13),
    "SolenoidLinearPass": (
        at.Quadrupole("s", 0.5, 0.3, PassMethod="SolenoidLinearPass"), 3, 1e-9
    ),
    # pyAT's drifts around the gap are paraxial
    "RFCavityPass thick": (at.RFCavity("c", 0.4, 2e5, 5e8, 1, 3e9, TimeLag=0.03), 3, 1e-9),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSE)
def test_what_is_read_solves_what_the_pass_method_does(name: str) -> None:
    """Steps are of fourth order: twice as many divide what comes of them by sixteen."""
    source, power, most = CLOSE[name]
    assert source.PassMethod == name.split()[0]
    off = apart(source, 1e-3)[:5].max()
    assert off < most
    if power is not None:
        steps = 16 * int(getattr(source, "NumIntSteps", 1))
        source = source.deepcopy()
        source.NumIntSteps = steps
        ratio = apart(source, 2e-4)[:5].max() / apart(source, 1e-4)[:5].max()
        assert ratio == pytest.approx(2**power, rel=0.1)
    elif most > 1e-13:
        source = source.deepcopy()
        source.NumIntSteps = 2 * source.NumIntSteps
        assert off / apart(source, 1e-3)[:5].max() == pytest.approx(16, rel=0.1)


def test_the_gradient_alone_of_a_linear_bend() -> None:
    """In the planes; of its path with a gradient pyAT takes x px for y py."""
    assert apart(bend("BendLinearPass"), 1e-3)[:4].max() < 1e-16


@pytest.mark.parametrize("name", SAME)
def test_what_is_read_tracks_as_the_pass_method_does(name: str) -> None:
    assert SAME[name].PassMethod == name.split()[0] or " in a " in name
    assert apart(SAME[name], 1e-3).max() < 1e-14


RADIATING = {
    name: plain
    for plain in {n.split()[0] for n in (*SAME, *CLOSE)}
    for name in (plain.replace("Pass", "RadPass"), plain.replace("Pass", "QuantPass"))
}
INSTALLED = sorted(p.name.split(".")[0] for p in Path(at.integrators.__path__[0]).glob("*Pass.*so"))
TRACKED = {name.split()[0] for name in (*SAME, *CLOSE)}


@pytest.mark.parametrize("name", [n for n in INSTALLED if n in RADIATING])
def test_radiation_is_left_out_with_a_note(name: str) -> None:
    straight = name.startswith(("Str", "ExactMultipole"))
    lattice, said = read(quad(name) if straight else bend(name, **PURE))
    assert f"{name}: synchrotron radiation is left out" in said
    plain = RADIATING[name]
    assert list(lattice) == list(read(quad(plain) if straight else bend(plain, **PURE))[0])


@pytest.mark.parametrize("name", [n for n in INSTALLED if n not in TRACKED])
@pytest.mark.parametrize("kind", ["element", "magnet", "bend", "cavity", "drift", "place"])
def test_no_pass_method_is_left_out_in_silence(name: str, kind: str) -> None:
    """Whatever class has it; those of apertures need attributes of their own."""
    source = {
        "element": at.Element("e", PassMethod=name, Length=0.3),
        "magnet": quad(name),
        "bend": bend(name),
        "cavity": at.RFCavity("c", 0.3, 2e5, 5e8, 1, 3e9, PassMethod=name),
        "drift": at.Drift("d", 0.3, PassMethod=name),
        "place": at.Monitor("m", PassMethod=name),
    }[kind]
    if name == "EAperturePass":
        source.Axes = [0.01, 0.02]
        lattice, said = read(source)
        assert not [s for s in said if "EAperture" in s]
        assert (lattice[0].shape, lattice[0].half_width, lattice[0].half_height) == (
            "ellipse", 0.01, 0.02,
        )  # fmt: skip
    else:
        assert any(name in message for message in read(source)[1])

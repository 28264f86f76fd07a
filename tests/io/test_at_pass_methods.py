"""Every pass method of pyAT: read as what tracks alike, or with a note that names it."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj

at = pytest.importorskip("at")
peer = load_example("rings/peer_at")
REFERENCE = peer.fast(pj.Reference.from_p0c("electron", 3e9))

QUAD = {"PolynomB": [0.0, 1.3, 4.0, 60.0], "PolynomA": [0.0, 0.1, -3.0, 0.0], "MaxOrder": 3}
QUAD |= {"NumIntSteps": 4}
BEND = {"EntranceAngle": 0.05, "ExitAngle": 0.08, "NumIntSteps": 10, "MaxOrder": 3}
BEND |= {"PolynomB": [1e-3, 0.4, 2.0, 30.0], "PolynomA": [2e-3, 0.1, 1.0, 0.0]}
PURE = BEND | {"PolynomB": [0.0] * 4, "PolynomA": [0.0] * 4}
RECTANGULAR = PURE | {"EntranceAngle": 0.06, "ExitAngle": 0.06}
GRADIENT = PURE | {"PolynomB": [0.0, 0.4, 2.0, 0.0]}
SQUARE = GRADIENT | {"EntranceAngle": 0.0, "ExitAngle": 0.0}
KICK = {"KickAngle": [3e-4, -2e-4]}
HALF = {"FieldScaling": 1.01}


def quad(pass_method: str, **options: Any) -> Any:
    return at.Quadrupole("q", 0.4, PassMethod=pass_method, **{**QUAD, **options})


def bend(pass_method: str, **options: Any) -> Any:
    return at.Dipole("b", 1.2, 0.12, PassMethod=pass_method, **{**BEND, **options})


def _sagitta(length: float, angle: float) -> float:
    """Arc less chord [m], which AT's `rbendtune` finds."""
    return length * (1 - np.sin(angle / 2) / (angle / 2))


def particles(size: float) -> np.ndarray:
    """Our coordinates; some at one momentum, some off it."""
    found = size * np.random.default_rng(7).uniform(-1, 1, (12, 6))
    found[:4, 5] = 0.0
    return found


def read(source: Any) -> tuple[pj.Lattice, list[str]]:
    """What is read of a file that pyAT wrote."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "one.json"
        at.Lattice([source.deepcopy()], energy=3e9, periodicity=1, particle="electron").save(path)
        found = pj.read_lattice(path)
    return found.lattice, [note.message for note in found.notes]


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


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (bend("BndMPoleSymplectic4Pass", FringeBendEntrance=2), "FringeBendEntrance = 2"),
        (bend("BndMPoleSymplectic4Pass", FringeBendExit=3), "FringeBendExit = 3"),
        (bend("ExactSectorBendPass", FringeBendExit=0), "FringeBendExit = 0"),
        (bend("ExactRectBendPass"), "straight axis"),
        (bend("BndMPoleSymplectic4E2Pass"), "takes no PolynomA"),
        (bend("BndMPoleSymplectic4E2Pass"), "gradient within the wedges"),
        (bend("BndMPoleSymplectic4E2Pass", H1=0.1), "H1 = 0.1 is left out"),
        (bend("BndStrMPoleSymplectic4Pass", **PURE), "not parallel"),
        (bend("BendLinearPass"), "takes the gradient alone"),
        (quad("QuadLinearFPass", I1a=1e-3), "I1a"),
        (quad("StrMPoleSymplectic4Pass", FringeQuadEntrance=1), "FringeQuadEntrance = 1"),
        (quad("QuadMPoleFringePass"), "read as StrMPoleSymplectic4Pass, without the fringe"),
        (bend("BndMPoleSymplectic4FrgFPass"), "read as BndMPoleSymplectic4Pass, without"),
        (quad("IdentityPass"), "IdentityPass"),
        (at.Drift("d", 0.3, PassMethod="IdentityPass"), "moves no particle over 0.3 m"),
        (at.Monitor("m", Length=0.3, PassMethod="IdentityPass"), "moves no particle over 0.3 m"),
        (at.Aperture("a", [-1, 1, -1, 1], PassMethod="IdentityPass"), "switched off"),
        (at.RFCavity("c", 0.0, 1e5, 5e8, 1, 3e9, PassMethod="IdentityPass"), "switched off"),
        (at.ThinMultipole("t", [0], [0], BendingAngle=0.1), "which is left out"),
        (at.ThinMultipole("t", [0], [0], Length=0.1), "0.1 m at once"),
        (quad("StrMPoleSymplectic4Pass", T1=[0, -1e-4, 0, 0, 0, 0], T2=[4e-5, 1e-4, 0, 0, 0, 0]),
         "alike at every momentum"),
        (at.Element("e", T1=[1e-3, 0, 0, 0, 0, 0]), "T1 and T2 are no displacement"),
    ],
)  # fmt: skip
def test_other_effects_of_a_pass_method_are_noted(source: Any, said: str) -> None:
    assert any(said in message for message in read(source)[1])


def test_a_bend_of_no_length_is_refused() -> None:
    with pytest.raises(pj.errors.LatticeFileError, match=r"element 0 \(b\)"):
        read(at.Dipole("b", 0.0, 0.1))


@pytest.mark.parametrize("skew", [0.0, 0.1])
def test_hard_edges_of_quadrupoles_are_read(skew: float) -> None:
    """The slopes of what they add, of third order, are AT's."""
    strengths = {"PolynomB": [0.0, 1.3], "PolynomA": [0.0, skew], "MaxOrder": 1, "NumIntSteps": 40}
    edges = {"FringeQuadEntrance": 1, "FringeQuadExit": 1}

    def added(size: float, theirs: bool) -> np.ndarray:
        rows, found = particles(size), []
        for options in (edges, {}):
            source = quad("StrMPoleSymplectic4Pass", **strengths, **options)
            lattice, _ = read(source)
            if theirs:
                start = np.asfortranarray(rows.T[[0, 1, 2, 3, 5, 4]])
                ring = at.Lattice([source], energy=3e9, periodicity=1)
                found.append(np.asarray(ring.track(start)[0]).reshape(6, -1)[:4].T)
            else:
                found.append(pj.track(lattice, pj.Beam(REFERENCE, rows)).numpy()[:, :4])
        return found[0] - found[1]

    for size in (1e-2, 5e-3):
        ours, theirs = added(size, False), added(size, True)
        assert np.abs(theirs).max() > 0.1 * size**3
        bound = 0.2 if skew else 0.02  # AT's are those of its normal gradient alone
        assert np.abs(ours - theirs).max() < bound * np.abs(theirs).max()
    messages = read(quad("StrMPoleSymplectic4Pass", **strengths, **edges))[1]
    assert any("skew gradient" in m for m in messages) == bool(skew)


def test_matrices_are_read() -> None:
    matrix = np.random.default_rng(3).normal(size=(6, 6))
    element = at.M66("m", matrix, Length=0.2)
    lattice, messages = read(element)
    assert not messages
    rows = particles(1e-3)
    start = np.asfortranarray((rows * [1, 1, 1, 1, -1, 1]).T[[0, 1, 2, 3, 5, 4]])
    ring = at.Lattice([element], energy=3e9, periodicity=1)
    theirs = np.asarray(ring.track(start)[0]).reshape(6, -1)[[0, 1, 2, 3, 5, 4]].T
    found = pj.track(lattice, pj.Beam(REFERENCE, rows)).numpy()
    np.testing.assert_allclose(found, theirs * [1, 1, 1, 1, -1, 1], rtol=1e-12, atol=1e-15)
    assert lattice.length == 0.2


def test_what_is_not_modelled_is_a_placeholder() -> None:
    element = at.Element("w", Length=0.7, PassMethod="GWigSymplecticPass", Bmax=1.5)
    lattice, messages = read(element)
    assert (type(lattice[0]), lattice[0].length) == (pj.Placeholder, 0.7)
    assert lattice[0].settings["Bmax"] == 1.5
    assert any("GWigSymplecticPass: not modelled" in m for m in messages)
    with pytest.raises(pj.errors.InvalidValueError, match="w"):
        pj.track(lattice, pj.Beam(REFERENCE, particles(1e-3)))


@pytest.mark.filterwarnings("ignore:AT tracking still assumes")
def test_ions_gain_the_voltage_once(tmp_path: Path) -> None:
    cavity = at.RFCavity("c", 0.0, 2e6, 5e8, 1, 3e9, PhaseLag=0.2)
    ring = at.Lattice(
        [cavity], energy=3e9, periodicity=1, particle=at.Particle("x", rest_energy=1e5, charge=2)
    )
    ring.save(tmp_path / "a.json")
    found = pj.read_lattice(tmp_path / "a.json")
    wanted = np.asarray(ring.track(np.zeros((6, 1), order="F"))[0]).ravel()[4]
    assert abs(wanted) > 1e-4
    ours = np.asarray(
        pj.track(found.lattice, pj.Beam(found.reference, np.zeros((1, 6)))).coordinates
    )
    assert ours[0, 5] == pytest.approx(wanted, rel=1e-6)

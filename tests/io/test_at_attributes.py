"""What elements of pyAT have beside a pass method: read, or noted and left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_elements import PURE, REFERENCE, at, bend, particles, quad, read

import pyjutrack as pj


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

"""JuTrack's own elements by name: what is checked, how they track, their derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from driven_rings import electrons

import pyjutrack as pj
from pyjutrack.engines.julia.twins import twins_of

Element = pj.julia.Element
SIZES = (1e-3, 1e-4, 8e-4, 1e-4, 5e-3, 1e-3)


def make_bunch(particles=600, **intensity):
    rows = np.random.default_rng(1).normal(size=(particles, 6)) * np.array(SIZES)
    return pj.Beam(electrons(), torch.from_numpy(rows), **intensity)


def mixed(final):
    """An objective of all planes."""
    x, px, _, _, z, delta = final.coordinates.unbind(-1)
    return 1e6 * ((x * x).mean() + (z * delta).mean() + (x * px).mean()) + 1e3 * delta.mean()


def difference(lattice, beam, knob, step):
    value = lattice.value(knob)

    def at(x):
        return float(mixed(pj.track(lattice.with_values({knob: x}), beam, engine="julia")))

    near, far = (at(value + d) - at(value - d) for d in (step, 2 * step))
    return (8 * near - far) / (12 * step)


def compare(lattice, beam, steps, rtol):
    """Both modes of Enzyme, and differences of rebuilt lattices."""
    expected = [difference(lattice, beam, knob, step) for knob, step in steps.items()]
    assert np.abs(expected).min() > 0
    for mode in ("forward", "reverse"):
        found = pj.gradient(mixed, lattice, beam, wrt=list(steps), mode=mode, engine="julia")
        np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=mode)


WIGGLER = Element("WIGGLER", length=1.0, lw=0.1, Bmax=1.2, energy=3e9, Nsteps=5, name="w")


def test_a_record_like_others():
    """Frozen, with its numbers as knobs; nothing of Julia is asked."""
    w = Element("WIGGLER", length=1.0, lw=0.1, Bmax=1.2, By=[1, 1, 0, 1, 1, 0], name="w")
    lattice = pj.Lattice([w, pj.Drift(1.0, name="d")])
    assert lattice.knobs() == ("w.length", "w.slip", "w.lw", "w.Bmax", "d.length") or list(
        lattice.knobs()
    ) == ["w.length", "w.slip", "w.lw", "w.Bmax", "d.length"]
    moved = lattice.with_values({"w.Bmax": 1.3})
    assert moved.value("w.Bmax") == 1.3
    assert lattice.value("w.Bmax") == 1.2
    assert w == Element("WIGGLER", length=1.0, lw=0.1, Bmax=1.2, By=(1, 1, 0, 1, 1, 0), name="w")
    assert repr(w).startswith("julia.Element('WIGGLER', length=1.0, lw=0.1")
    thin = Element("thinMULTIPOLE", PolynomB=[0.0, 0.0, 1.0, 0.0], name="m")
    assert "m.PolynomB[2]" in pj.Lattice([thin]).knobs()


def test_own_files(tmp_path):
    lattice = pj.Lattice([WIGGLER, Element("KSEXT", length=0.1, k2=3.0, R1=np.eye(6).tolist())])
    pj.write_lattice(tmp_path / "a.json", lattice)
    assert pj.read_lattice(tmp_path / "a.json").lattice == lattice


def test_other_engines_refuse_it():
    with pytest.raises(pj.errors.InvalidValueError, match=r"'w' is JuTrack's WIGGLER.*engine=\"ju"):
        pj.track(pj.Lattice([WIGGLER]), make_bunch())


@pytest.mark.parametrize(
    "arguments", [{"dx": 1e-3}, {"tilt": 0.1}, {"len": 1.0}, {"Bmax": None}, {"Bmax": True}]
)
def test_settings_that_are_none(arguments):
    with pytest.raises(pj.errors.InvalidValueError):
        Element("WIGGLER", **arguments)


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (Element("WIGGLER", By=[0.5, 1.0]), r"By of JuTrack's WIGGLER is of type Vector\{Int64\}"),
        (Element("KSEXT", length=0.2, T1=[1e-3]), "T1 of JuTrack's KSEXT has 6 entries, got 1"),
        (Element("QUAD", length=0.2, R1=np.eye(2)), "R1 of JuTrack's QUAD has 6 x 6 entries"),
        (Element("KQUAD", length=0.2, PolynomA=[0.0, 1.0]), "PolynomA of JuTrack's KQUAD has 4"),
        (Element("KQUAD", length=0.2, MaxOrder=4), "KQUAD has MaxOrder = 4.*take from 0 to 3"),
        (
            Element("thinMULTIPOLE", PolynomB=[0.0] * 5 + [1.0]),
            "MaxOrder = 1.*four|polynomials have 4|strength of order 5",
        ),
        (Element("LorentzBoost"), "LorentzBoost needs angle"),
        (Element("StrongThinGaussianBeam"), "defines StrongThinGaussianBeam, and no `pass!`"),
        (Element("LongitudinalWake"), "defines LongitudinalWake, and no `pass!`"),
        (Element("LongitudinalRLCWake"), "acts by the charge of a bunch"),
        (Element("SPACECHARGE", effective_len=1.0), "acts by the current of a beam"),
    ],
)
def test_what_julia_finds_fault_with(julia, element, message):
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        pj.track(pj.Lattice([element]), make_bunch(), engine=julia)


def test_as_elements_of_ours(julia):
    """What pyjutrack has too, with the slip that JuTrack leaves out given or not."""
    ours, beam = pj.Lattice([pj.Sextupole(0.2, k2=30.0, name="s")]), make_bunch()
    (twin,) = twins_of(ours[0], beam.reference)
    fields = {name: value for name, value in twin.fields.items() if name != "len"}
    own = Element(twin.kind, length=0.2, slip=0.2, name="s", **fields)
    expected = pj.track(ours, beam, engine=julia).coordinates
    found = pj.track(pj.Lattice([own]), beam, engine=julia).coordinates
    assert float((found - expected).abs().max()) < 1e-12
    without = pj.track(pj.Lattice([Element("KSEXT", length=0.2, **fields)]), beam, engine=julia)
    gamma = beam.reference.gamma
    slip = 0.2 * beam.coordinates[:, 5] / gamma**2
    np.testing.assert_allclose(expected[:, 4] - without.coordinates[:, 4], slip, rtol=5e-3)


def test_wigglers_have_derivatives(julia):
    """Alone among ours; and effects that cut elements act beside them."""
    lattice = pj.Lattice([pj.Drift(0.5, name="d"), WIGGLER, pj.Quadrupole(0.2, k1=1.0, name="q")])
    steps = {"w.Bmax": 1e-3, "w.lw": 1e-4, "d.length": 1e-3, "q.k1": 1e-3}
    compare(lattice, make_bunch(), steps, 1e-6)


def test_fields_that_julia_makes_of_others(julia):
    """The wave number of a frequency, cosines and tangents of an angle."""
    lattice = pj.Lattice(
        [
            Element("CRABCAVITY", volt=3e5, freq=4e8, name="c"),
            Element("LorentzBoost", angle=0.02, name="l"),
            pj.Drift(0.3),
            Element("InvLorentzBoost", angle=0.02, name="i"),
        ]
    )
    steps = {"c.freq": 1e5, "c.volt": 1e3, "l.angle": 1e-4, "i.angle": 1e-4}
    compare(lattice, make_bunch(100), steps, 1e-6)


def test_wakes_act_on_the_live_alone(julia):
    """JuTrack itself would count the lost, and have NaN of theirs."""
    beam = make_bunch(2000, charge=1e-9)
    lattice = pj.Lattice([Element("LongitudinalRLCWake", freq=5e9, Rshunt=1e6, Q0=2.0, name="r")])
    alive = torch.arange(2000) % 3 > 0
    rows = torch.where(alive.unsqueeze(1), beam.coordinates, torch.nan)
    found = pj.track(lattice, beam.replace(coordinates=rows, alive=alive), engine=julia)
    share = float(alive.sum()) / 2000
    rest = pj.Beam(beam.reference, beam.coordinates[alive], charge=1e-9 * share)
    expected = pj.track(lattice, rest, engine=julia)
    assert float((found.coordinates[alive] - expected.coordinates).abs().max()) < 1e-15
    assert float((expected.coordinates - rest.coordinates).abs().max()) > 1e-5


def test_wakes_have_derivatives(julia):
    lattice = pj.Lattice(
        [
            pj.Drift(0.5, name="d"),
            Element("LongitudinalRLCWake", freq=5e9, Rshunt=1e6, Q0=2.0, name="r"),
        ]
    )
    beam = make_bunch(500, charge=1e-9)
    compare(lattice, beam, {"r.freq": 1e6, "r.Rshunt": 1e3, "r.Q0": 1e-3}, 1e-6)
    with pytest.raises(pj.errors.InvalidValueError, match="moves the beam that makes its field"):
        pj.jacobian(lattice, beam, engine=julia)
    with pytest.raises(pj.errors.InvalidValueError, match=r"beam\.charge has no slope through"):
        pj.gradient(mixed, lattice, beam, wrt=["beam.charge"], engine=julia)


def test_space_charge_by_transforms(julia):
    """It tracks, against the line of a beam that is uniform along z, and has no derivatives."""
    lattice = pj.Lattice([Element("SPACECHARGE2P5D", effective_len=1.0, pipe_radius=0.1, name="c")])
    beam = make_bunch(5000, charge=1e-7)
    found = pj.track(lattice, beam, engine=julia).coordinates - beam.coordinates
    x = beam.coordinates[:, 0]
    assert float((found[:, 1] * x).mean()) > 0  # it pushes outwards
    with pytest.raises(pj.errors.InvalidValueError, match="Fourier transforms of JuTrack's SPACE"):
        pj.gradient(mixed, lattice, beam, wrt=["c.effective_len"], engine=julia)


def rolled(angle):
    c, s = np.cos(angle), np.sin(angle)
    rows = np.eye(6)
    rows[:4, :4] = [[c, 0, s, 0], [0, c, 0, s], [-s, 0, c, 0], [0, -s, 0, c]]
    return rows


@pytest.mark.parametrize("k1", [2.0, -2.0])
def test_quadrupoles_with_frames_and_openings(julia, k1):
    """One that focuses y is passed with the planes exchanged, and so are all of its fields."""
    beam = make_bunch(300)
    roll = rolled(0.3)
    frame = {"R1": roll.tolist(), "R2": roll.T.tolist(), "T1": (-5e-4, 0.0, 1e-3, 0.0, 0.0, 0.0)}
    box = {
        "RApertures": (-2e-3, 1e-3, -1e-3, 3e-3, 0.0, 0.0),
        "EApertures": (3e-3, 2e-3, *[0.0] * 4),
    }
    own = Element("QUAD", length=0.2, k1=k1, slip=0.2, **frame, **box, name="q")
    ours = pj.Lattice(
        [
            pj.Patch(dx=5e-4, dy=-1e-3),
            pj.Quadrupole(0.2, k1=k1, tilt=0.3),
            pj.Aperture(half_width=1.5e-3, half_height=2e-3, dx=-0.5e-3, dy=1e-3),
            pj.Aperture(half_width=3e-3, half_height=2e-3, shape="ellipse"),
        ]
    )
    expected, found = pj.track(ours, beam), pj.track(pj.Lattice([own]), beam, engine=julia)
    assert (expected.alive == found.alive).all()
    assert 30 < expected.lost < 270
    alive = expected.alive
    assert float((expected.coordinates - found.coordinates)[alive].abs().max()) < 1e-15


@pytest.mark.parametrize("shift", [(0.0,) * 6, (1e-3, 0.0, -2e-3, 0.0, 0.0, 0.0)])
def test_slopes_by_shifts(julia, shift):
    """About zero, and elsewhere, of quadrupoles of either sign."""
    quadrupoles = [
        Element("QUAD", length=0.2, k1=k1, T1=shift, name=name)
        for name, k1 in (("q", 2.0), ("p", -2))
    ]
    lattice = pj.Lattice([quadrupoles[0], pj.Drift(0.3), quadrupoles[1], pj.Drift(0.2)])
    compare(lattice, make_bunch(50), {f"{q}.T1[{n}]": 1e-4 for q in "qp" for n in (0, 3)}, 1e-6)


@pytest.mark.parametrize(
    ("element", "knob"),
    [
        (Element("KSEXT", length=0.2, k2=3.0, T1=(0.0,) * 6, name="e"), "T1[0]"),
        (Element("KQUAD", length=0.2, k1=3.0, KickAngle=(1e-4, 0.0), name="e"), "KickAngle[1]"),
        (Element("ESBEND", length=0.5, angle=0.1, e1=0.0, name="e"), "e1"),
        (Element("LBEND", length=0.5, angle=0.1, K=0.0, name="e"), "K"),
        (Element("SOLENOID", length=0.5, ks=0.0, name="e"), "ks"),
        (Element("YROTATION", angle=0.0, name="e"), "angle"),
    ],
)
def test_slopes_that_jutrack_leaves_out(julia, element, knob):
    """Where it asks whether a number is zero."""
    with pytest.raises(pj.errors.InvalidValueError, match=rf"{knob.split('[')[0]} = 0 would do"):
        pj.gradient(mixed, pj.Lattice([element]), make_bunch(20), wrt=[f"e.{knob}"], engine=julia)


def test_bends_whose_path_cannot_be_mended(julia):
    bend = Element("LBEND", length=1.0, angle=0.1, K=0.5, R1=rolled(0.3).tolist())
    with pytest.raises(
        pj.errors.InvalidValueError, match="mended by what particles are at its entr"
    ):
        pj.track(pj.Lattice([bend]), make_bunch(20), engine=julia)

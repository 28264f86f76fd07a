"""JuTrack's elements as ours: there and back, what else they have, and whole machines."""

import dataclasses

import numpy as np
import pytest
from demonstrations import load
from kind_cases import PROTON, beam

import pyjutrack as pj
from pyjutrack.optics import jutrack

SETS = {"knl": (1e-3, 0.0, 0.2, 3.0), "ksl": (2e-3,)}
THERE_AND_BACK = [
    pj.Drift(0.2),
    pj.Marker(),
    pj.Quadrupole(0.1, 3.0),
    pj.Quadrupole(0.1, -3.0),
    pj.Quadrupole(0.1),
    pj.Quadrupole(0.1, -2.0, k1s=1.0, model="exact", steps=4, **SETS),
    pj.Quadrupole(0.1, -2.0, model="exact", steps=4, fringe="hard-edge"),
    pj.Sextupole(0.2, 30.0, k2s=2.0, steps=3, knl=(1e-3, 0.1), ksl=(0.0, 0.0, 0.0, 2.0)),
    pj.Octupole(0.2, 300.0, k3s=5.0, steps=3, knl=(1e-3, 0.1, 2.0)),
    pj.Multipole(length=0.2, knl=(0.1, 0.0, 2.0, 3.0), steps=5),
    pj.Multipole((0.1, 0.2, 0.3, 0.4, 0.0, 9.0), (0.5, 0.6, 0.7)),
    pj.Kicker(hkick=1e-3, vkick=1e-4),
    pj.Kicker(0.2, hkick=1e-3, vkick=1e-4, model="paraxial"),
    pj.Kicker(0.2, hkick=1e-3, steps=2),
    pj.SBend(1.0, 0.1, e1=0.1, k1=0.3, model="linear"),
    pj.SBend(1.0, 0.1, e1=0.1, e2=0.05, k1=0.3, k2=2.0, model="paraxial", steps=11),
    pj.SBend(1.0, 0.1, model="paraxial", steps=5, knl=(1e-3, 0.0, 0.0, 2.0), ksl=(0.0, 0.1)),
    pj.SBend(1.0, 0.1, e1=0.1, e2=0.05),
    pj.SBend(1.0, 0.1, fint=0.5, fintx=0.5, hgap=0.02),
    pj.SBend(1.0, 0.1, e1=0.1, k2=3.0, steps=7),
    pj.SBend(1.0, 0.1, k2=3.0, steps=7, edges="none"),
    pj.Solenoid(0.2, 0.1),
    pj.RFCavity(0.0, 1e6, frequency=1e8, phase=0.3),
    pj.RFCavity(0.0, 1e6, frequency=0.0, phase=0.3),
    pj.CrabCavity(0.0, 1e6, frequency=1e8, phase=0.3),
    pj.Aperture(half_width=1e-3, half_height=2e-3),
    pj.Aperture(half_width=1e-3),
    pj.Aperture(half_width=1e-3, half_height=2e-3, shape="ellipse"),
    pj.Aperture(
        half_width=1e-3, half_height=2e-3, radius_x=2e-3, radius_y=3e-3, shape="rectellipse"
    ),
    pj.Patch(dx=1e-3, dy=2e-3),
    pj.Patch(y_rot=1e-2),
    pj.TaylorMap(1.1 * np.eye(6) + 0.01, kick=(1e-3,) * 6),
    pj.Quadrupole(0.1, 3.0, tilt=0.1, dx=1e-3, dy=2e-3),
    pj.Sextupole(0.1, 3.0, steps=2, dx=1e-3),
    pj.SBend(1.0, 0.1, tilt=0.3),
]


@pytest.mark.parametrize("element", THERE_AND_BACK, ids=lambda e: type(e).__name__)
def test_there_and_back(element, julia):
    """The very element, to rounding of its numbers, by JuTrack's alone."""
    element = dataclasses.replace(element, name="e")
    line = julia.session.main.deepcopy(jutrack.to_jutrack(pj.Lattice([element]), PROTON))
    (found,) = jutrack.from_jutrack(line, PROTON)
    assert type(found) is type(element)
    for field in dataclasses.fields(element):
        ours, theirs = (getattr(e, field.name) for e in (element, found))
        if isinstance(ours, (float, tuple)) and ours != theirs:
            np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=1e-15, err_msg=field.name)
        else:
            assert theirs == ours, field.name


def jt(julia, text):
    """A line of one JuTrack element."""
    return julia.session.main.seval(
        f"import PyJuTrack; PyJuTrack.JuTrack.AbstractElement{{Float64}}[PyJuTrack.JuTrack.{text}]"
    )


ALIKE = [
    'DRIFT(name="e", len=1.0, T1=[1e-3, 2e-3, 0, 0, 1e-3, 1e-4])',
    'DRIFT(name="e", len=0.0, RApertures=[-1e-3, 2e-3, -2e-3, 1.5e-3, 0, 0])',
    'DRIFT(name="e", len=0.5, EApertures=[1.5e-3, 1e-3, 0, 0, 0, 0])',
    'KQUAD(name="e", len=0.3, k1=2.0, KickAngle=[1e-3, -2e-3])',
    'KQUAD(name="e", len=0.3, k1=2.0, k2=300.0)',
    'KSEXT(name="e", len=0.3, k2=40.0, k1=0.1, PolynomA=[1e-3, 0.1, 2.0, 0.0])',
    'KOCT(name="e", len=0.3, k3=400.0, KickAngle=[1e-3, 0], T1=[1e-3, 0, 0, 0, 0, 0])',
    'thinMULTIPOLE(name="e", PolynomB=[1e-3, 0.1, 2.0, 30.0], KickAngle=[1e-3, 1e-3])',
    'CORRECTOR(name="e", len=0.3, xkick=1e-3, ykick=-1e-3)',
    'HKICKER(name="e", len=0.3, xkick=1e-3)',
    'QUAD(name="e", len=0.3, k1=-2.0, T1=[1e-3, 0, 0, 0, 0, 0], T2=[-1e-3, 0, 0, 0, 0, 0])',
    'LBEND(name="e", len=1.0, angle=0.1, e1=0.05, e2=0.05)',
    'ESBEND(name="e", len=1.0, angle=0.1, e1=0.05, PolynomB=[1e-3, 0, 4.0, 0])',
    'ERBEND(name="e", len=1.0, angle=0.1, NumIntSteps=0)',
    'SBEND(name="e", len=1.0, angle=0.1, T1=[1e-3, 0, 0, 0, 0, 0], T2=[-1e-3, 0, 0, 0, 0, 0])',
    "TRANSLATION(dx=1e-3, dy=2e-3)",
    "YROTATION(angle=1e-2)",
]


@pytest.mark.parametrize("text", ALIKE)
def test_what_else_jutrack_has(text, julia):
    """JuTrack's own map of the element, and ours of what it comes back as."""
    line, start = jt(julia, text), beam(np.random.default_rng(1))
    kinds = julia.session.main.seval(MOVE)
    r, lost = kinds(line, start.numpy(), PROTON.kinetic_energy, PROTON.species.mass)
    r, lost = np.array(r), np.array(lost)
    ours = pj.track(jutrack.from_jutrack(line, PROTON), start)
    np.testing.assert_array_equal(ours.alive.numpy(), lost == 0)
    # a paraxial bend has exact drifts in JuTrack
    bound = 1e-8 if text.startswith("SBEND") else 1e-12
    found = ours.numpy()[lost == 0]
    np.testing.assert_allclose(found[:, :4], r[lost == 0][:, :4], rtol=0, atol=bound)
    np.testing.assert_allclose(found[:, 5], r[lost == 0][:, 5], rtol=0, atol=bound)


MOVE = """
function (line, start, energy, mass)
    r = Matrix{Float64}(start)
    r[:, 5] .*= -1
    b = PyJuTrack.JuTrack.Beam(r, energy; mass)
    PyJuTrack.JuTrack.linepass!(line, b)
    b.r, b.lost_flag
end
"""

REFUSED = [
    ('KQUAD(name="e7", len=0.3, k1=2.0, rad=1)', "KQUAD e7 has rad, and radiation is an effect"),
    ('KSEXT(name="e7", len=0.3, k2=2.0, FringeQuadEntrance=1)', "e7 has FringeQuadEntrance"),
    ('SBEND(name="e7", len=1.0, angle=0.1, FringeBendEntrance=2)', "e7 has FringeBendEntrance=2"),
    ('ESBEND(name="e7", len=1.0, angle=0.1, FringeBendExit=0)', "e7 has faces with and without"),
    ('LBEND(name="e7", len=1.0, angle=0.1, ByError=1e-3)', "e7 has ByError"),
    ('TRANSLATION(name="e7", ds=0.1)', "e7 has ds, which moves particles back"),
    ('CRABCAVITY(name="e7", volt=1e6, freq=1e8, errors=[0.1, 0.0])', "e7 has errors"),
    ('WIGGLER(name="e7", len=1.0, lw=0.1)', "WIGGLER e7 has no counterpart here"),
    ('RFCA(name="e7", volt=1e6, freq=1e8)', "e7 has no energy"),
    ('thinMULTIPOLE(name="e7", len=0.1)', "e7 has len, and does not use it"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_has_no_place_here_is_named(text, why, julia):
    with pytest.raises(pj.errors.InvalidValueError, match=why):
        jutrack.from_jutrack(jt(julia, text), PROTON)


def test_cavities_need_a_reference(julia):
    line = jt(julia, 'RFCA(name="rf7", volt=1e6, freq=1e8, energy=1e9)')
    with pytest.raises(pj.errors.InvalidValueError, match=r"rf7 counts by .*; give reference="):
        jutrack.from_jutrack(line)


NEEDED = {
    "LorentzBoost": {"angle": 0.01},
    "InvLorentzBoost": {"angle": 0.01},
    "LongitudinalRFMap": {"alphac": 1e-3, "freq": 1e8, "h": 10.0},
    "RFCA": {"energy": 1e9},
    "WIGGLER": {"lw": 0.1, "length": 0.1},
    "easyCRABCAVITY": {"freq": 1e8},
}
#: that JuTrack has no motion of, or a wrong one
REFUSED_BY_NAME = ("LongitudinalWake", "StrongThinGaussianBeam", "StrongGaussianBeam")


def test_own_elements_of_every_type(julia):
    """They come back as they went, those with records in them too, unless these were changed."""
    kinds = [str(kind) for kind in julia.session.main.PyJuTrack.all_elements()]
    assert len(kinds) > 35
    for kind in set(kinds) - set(REFUSED_BY_NAME):
        own = pj.Lattice([pj.julia.Element(kind, name="e", **NEEDED.get(kind, {}))])
        line = jutrack.to_jutrack(own, PROTON)
        assert jutrack.from_jutrack(line, PROTON) == own, kind
    line = jutrack.to_jutrack(
        pj.Lattice([pj.julia.Element("LongitudinalRFMap", **NEEDED["LongitudinalRFMap"])]), PROTON
    )
    julia.session.main.seval("line -> (line[1].RF.h += 1; nothing)")(line)
    with pytest.raises(pj.errors.InvalidValueError, match="has no counterpart here"):
        jutrack.from_jutrack(line, PROTON)


def test_records_in_records_are_the_same_by_their_numbers(julia):
    """Such as the optics of a strong bunch, which is refused as an element."""
    same, other = julia.session.main.seval(
        """begin
            import PyJuTrack
            jt = PyJuTrack.JuTrack
            optics = jt.optics4DUC(1.0, 0.1, 2.0, 0.2)
            bunch = jt.StrongGaussianBeam(1.0, jt.m_e, 1.0, 1, 1e9, optics, ones(3), 5)
            changed = deepcopy(bunch)
            changed.optics.optics_y.beta = 3.0
            PyJuTrack.is_same(bunch, deepcopy(bunch)), PyJuTrack.is_same(bunch, changed)
        end"""
    )
    assert bool(same)
    assert not bool(other)


@pytest.mark.parametrize("name", ["SPEAR3", "SSRF", "ESR"])
def test_demonstrations(name, julia):
    """JuTrack's demonstration machines become ours, as long and with as many names."""
    line = load(julia, name)
    ours = jutrack.from_jutrack(line, pj.Reference.from_total("electron", 3e9))
    main = julia.session.main
    assert len(ours) == len(line)
    lengths = main.seval("line -> sum(e -> hasproperty(e, :len) ? e.len : 0.0, line)")(line)
    np.testing.assert_allclose(float(ours.length), lengths, rtol=1e-12)


@pytest.mark.parametrize("name", ["SPEAR3", "SSRF"])
def test_tunes_of_demonstrations(name, julia):
    line = load(julia, name)
    electron = pj.Reference.from_total("electron", 3e9)
    ring = jutrack.from_jutrack(line, electron)
    ours, theirs = (
        pj.tunes(pj.jacobian(ring, electron, engine=engine)) for engine in ("native", julia)
    )
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-8)
    assert 0.05 < ours[0] < 0.5


#: of one turn, by JuTrack's own optics
TWISS = """
function (line, energy, mass)
    at_the_end = last(PyJuTrack.JuTrack.twissring(line, 0.0, 1; E0=energy, m0=mass))
    (at_the_end.mux, at_the_end.muy) ./ 2pi
end
"""


def test_tunes_of_the_electron_storage_ring(julia):
    """Of the EIC's, with solenoids and crab cavities: as JuTrack's own optics has them."""
    line = load(julia, "ESR")
    electron = pj.Reference.from_total("electron", 18e9)
    expected = np.array(
        julia.session.main.seval(TWISS)(line, electron.kinetic_energy, electron.species.mass)
    )
    ring = pj.Lattice([e.without_rf() for e in jutrack.from_jutrack(line, electron)])
    for engine in ("native", julia):
        found = pj.tunes(pj.jacobian(ring, electron, engine=engine))
        np.testing.assert_allclose(found, expected % 1, rtol=0, atol=1e-8, err_msg=str(engine))

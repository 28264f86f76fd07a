"""Fields by which JuTrack would do nothing, or something else, without a word: they are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from driven_rings import electrons

import pyjutrack as pj
from pyjutrack.engines.julia.twins import twins_of
from pyjutrack.errors import InvalidValueError, UnknownNameError

Element = pj.julia.Element
HARMONIC = (1, 1, 0, 1, 1, 0)


def make_bunch(**intensity):
    rows = np.random.default_rng(1).normal(size=(50, 6)) * 1e-3
    return pj.Beam(electrons(), torch.from_numpy(rows), charge=1e-9, **intensity)


def track(julia, element):
    return pj.track(pj.Lattice([element]), make_bunch(), engine=julia)


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (Element("WIGLER"), "no element of JuTrack named 'WIGLER'; did you mean 'WIGGLER'"),
        (Element("wiggler"), "did you mean 'WIGGLER'"),
        (Element("AbstractElement"), "no element of JuTrack named 'AbstractElement'"),
        (Element("linepass!"), "no element of JuTrack named 'linepass!'"),
        (
            Element("WIGGLER", Bmx=1.0, name="w7"),
            "no field of JuTrack's WIGGLER 'w7' named 'Bmx'; did you mean 'Bmax'",
        ),
        (Element("KQUAD", lenght=1.0), "named 'lenght'; did you mean 'length'"),
        (Element("MARKER", lw=2.0), "no field of JuTrack's MARKER named 'lw'"),
        (Element("SPACECHARGE2P5D", rho_grid=[[0.0]]), "named 'rho_grid'"),
    ],
)
def test_unknown_names_have_the_near_ones(julia, element, message):
    with pytest.raises(UnknownNameError, match=message):
        track(julia, element)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("KQUAD", {"NumIntSteps": 0}, r"KQUAD 'e7' has NumIntSteps = 0.*take 1 or more"),
        ("KSEXT", {"NumIntSteps": -1}, r"NumIntSteps = -1.*take 1 or more"),
        ("SBEND", {"angle": 0.1, "NumIntSteps": 0}, r"NumIntSteps = 0.*take 1 or more"),
        ("ESBEND", {"angle": 0.1, "NumIntSteps": -1}, r"NumIntSteps = -1.*take 0 or more"),
        (
            "ESBEND",
            {"angle": 0.1, "NumIntSteps": 0, "PolynomB": [0.0, 0.1, 0.0, 0.0]},
            "NumIntSteps = 0, and without steps there are no multipoles",
        ),
        ("ESBEND", {"angle": 0.1, "NumIntSteps": 0, "rad": 1}, "without steps there are no"),
        ("DRIFT_SC", {"Nsteps": 0}, r"Nsteps = 0.*take 1 or more"),
        ("DRIFT_SC", {"Nl": 0}, r"Nl = 0.*take 1 or more"),
        ("DRIFT_SC", {"b": 0.0}, r"b = 0.0, and JuTrack divides by it"),
        ("DRIFT_SC2P5D", {"xsize": 2}, r"xsize = 2.*take 3 or more"),
        ("DRIFT_SC2P5D", {"long_avg_n": 0}, r"long_avg_n = 0.*take 1 or more"),
        ("KQUAD", {"k2": 1.0}, "MaxOrder = 1, and leaves out a strength of order 2; give MaxO"),
        (
            "KQUAD",
            {"PolynomA": [0.0] * 5 + [1.0], "MaxOrder": 5},
            "MaxOrder = 5, and its strengths are of 4 orders; take from 0 to 3",
        ),
        ("RFCA", {"freq": 1e8, "energy": 1e9, "h": 7.0}, "h = 7.0.*JuTrack does not look at it"),
        ("KOCT", {"k3": 1.0, "MaxOrder": 2}, "leaves out a strength of order 3"),
        ("KQUAD", {"PolynomA": [0.0, 0.0, 1.0, 0.0]}, "leaves out a strength of order 2"),
        ("KQUAD", {"rad": 2}, "rad = 2.*take 0 or 1"),
        ("KQUAD", {"FringeQuadExit": -1}, r"FringeQuadExit = -1.*take 0 or 1"),
        ("SBEND", {"angle": 0.1, "FringeBendExit": 5}, "FringeBendExit = 5.*take 0 or 1 or 2 or 3"),
        ("ESBEND", {"angle": 0.1, "FringeBendExit": 2}, "FringeBendExit = 2.*take 0 or 1"),
        ("SBEND", {"angle": 0.1, "FringeIntM0": [0.1] * 5}, "JuTrack does not look at it; take f"),
        ("QUAD", {"rad": 1}, "rad = 1, and JuTrack does not look at it; take a KQUAD"),
        ("thinMULTIPOLE", {}, "len = 1.0.*put a drift beside it"),
        ("TRANSLATION", {"ds": 1e-3}, "len = 1.0.*put a drift beside it"),
        ("SPACECHARGE", {"effective_len": 1.0}, "len = 1.0.*put a drift beside it"),
        ("CRABCAVITY", {"freq": 4e8, "energy": 1e9}, "energy = 1.0e9, and JuTrack does not look"),
        ("CRABCAVITY", {"freq": 4e8, "errors": [0.1, 0.0]}, "errors = .*change volt and phi"),
        ("CRABCAVITY", {"freq": 4e8, "k": 1.0}, "k = 1.0, and freq = 4.0e8 is another one"),
        ("WIGGLER", {}, "lw = 0.0, and JuTrack divides by it"),
        ("WIGGLER", {"lw": 0.4}, "len = 1.0, and that is 2.5 periods of lw"),
        ("WIGGLER", {"lw": 0.1, "Nsteps": 0}, "Nsteps = 0.*take 1 or more"),
        ("WIGGLER", {"lw": 0.1, "By": HARMONIC[:5]}, "By = .*six entries"),
        ("WIGGLER", {"lw": 0.1, "By": (1, 1, 0, 0, 1, 0)}, "By = .*divides by entries 4 and 5"),
        ("WIGGLER", {"lw": 0.1, "Bx": HARMONIC}, "Bx = .*divides by entries 3 and 5"),
        ("WIGGLER", {"lw": 0.1, "NHharm": 2}, "NHharm = 2, and By has 1"),
        ("DRIFT", {"RApertures": [1e-3, -1e-3, -1.0, 1.0, 0.0, 0.0]}, "that is no opening"),
        ("DRIFT", {"EApertures": [1e-3, 0.0, 0.0, 0.0, 0.0, 0.0]}, "two half axes above 0"),
        ("DRIFT", {"EApertures": [1e-3, 1e-3, 1.0, 0.0, 0.0, 0.0]}, "two half axes above 0"),
    ],
)
def test_what_would_be_passed_over(julia, kind, fields, message):
    with pytest.raises(InvalidValueError, match=message):
        track(julia, Element(kind, length=1.0, name="e7", **fields))


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("RFCA", {"volt": 1e6, "freq": 1e8}, "energy = 0.0, and JuTrack divides by it"),
        # JuTrack's default, by which it bends three times as much
        (
            "WIGGLER",
            {"length": 1.0, "lw": 0.1},
            r"energy = 1.0e9, and the beam has another; give energy = 3.0005",
        ),
        ("easyCRABCAVITY", {"halfthetac": 0.01}, "k = 0.0, and JuTrack divides by it; give freq"),
        ("LorentzBoost", {"angle": 0.01, "mode": 1}, "mode = 1.*take 0"),
        (
            "RFCA",
            {"volt": 1e6, "freq": 1e8, "energy": 3e9, "EApertures": [1.0, 1.0, 0, 0, 0, 0]},
            "len = 0.0, and JuTrack does not look at its apertures then",
        ),
        ("AccelCavity", {"volt": 1e6, "freq": 1e8, "h": 7.0}, "h = 7.0.*does not look at it"),
        (
            "LongitudinalRFMap",
            {"alphac": 1e-3, "freq": 1e8, "h": 10.0, "volt": 1e6},
            "volt = 1.0e6, and JuTrack does not look at it; put an AccelCavity",
        ),
    ],
)
def test_the_same_of_what_has_no_length(julia, kind, fields, message):
    with pytest.raises(InvalidValueError, match=message):
        track(julia, Element(kind, name="e7", **fields))


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("RBEND", {"FringeIntM0": [0.1] * 5}, "RBEND has FringeIntM0 = .*take fint1 and gap"),
        ("RBEND", {"NumIntSteps": 2.5}, "NumIntSteps of JuTrack's RBEND is of type Int64"),
        ("ERBEND", {"KickAngle": [1e-3]}, "KickAngle of JuTrack's ERBEND has 2 entries"),
        ("HKICKER", {"xkick": [1e-3]}, "xkick of JuTrack's HKICKER is of type Float64"),
    ],
)
def test_the_same_of_what_jutrack_makes_by_functions(julia, kind, fields, message):
    """As programs in Julia ask for them; of whole numbers, too."""
    with pytest.raises(InvalidValueError, match=message):
        julia.session.call("make", kind, {"len": 1, **fields})
    assert float(julia.session.call("make", kind, {"len": 1}).len) == 1.0


def test_no_count_of_any_type_may_be_negative(julia):
    """Of all types that track: whole numbers below 0 mean nothing to JuTrack."""
    asked = julia.session.main.seval(
        """[(String(nameof(k)), String(f)) for n in PyJuTrack.all_elements() for k in
            (getfield(PyJuTrack.JuTrack, Symbol(n)),)
            if k isa Type && k !== PyJuTrack.JuTrack.StrongGaussianBeam
            for f in PyJuTrack.stored_fields(k) if fieldtype(PyJuTrack.concrete(k), f) === Int]"""
    )
    found = [(str(kind), str(field)) for kind, field in asked]
    assert len(found) > 90
    for kind, field in found:
        fields = {"angle": 0.1} if kind.endswith("Boost") else {}
        fields |= {"lw": 0.1} if kind == "WIGGLER" else {}
        with pytest.raises(InvalidValueError, match=f"{field} = -1"):
            track(julia, Element(kind, **{**fields, field: -1}))


def test_slices_of_a_bunch_are_one_or_more():
    fields = {"num_particle": 10, "beamsize": (1.0, 1.0, 1.0), "nzslice": 0}
    with pytest.raises(InvalidValueError, match=r"nzslice.* 0"):
        twins_of(Element("StrongGaussianBeam", **fields), electrons())


def test_names_that_every_element_has_are_no_fields():
    """Of which those in `fields` did nothing."""
    with pytest.raises(InvalidValueError, match="dx in fields of TRANSLATION is what every elem"):
        Element("TRANSLATION", fields={"dx": 1e-3})
    with pytest.raises(InvalidValueError, match=r"T1, T2, R1, R2; .* take pj\.Patch"):
        Element("TRANSLATION", dx=1e-3)


def test_what_is_right_still_tracks(julia):
    """A uniform arc without steps, whole periods, an opening, cavities by either number."""
    for element in (
        Element("ESBEND", length=1.0, angle=0.1, NumIntSteps=0),
        Element("WIGGLER", length=1.0, lw=0.1, Bmax=1.0, By=HARMONIC, energy=3e9),
        Element("KQUAD", length=1.0, k2=1.0, MaxOrder=2, RApertures=[-1, 1, -1, 1, 0, 0]),
        Element("CRABCAVITY", volt=1e6, freq=4e8),
        Element("RFCA", volt=1e6, freq=4e8, energy=1e9, h=1.0),
        Element("LongitudinalRFMap", alphac=1e-3, freq=4e8, h=10.0),
        Element("easyCRABCAVITY", halfthetac=1e-3, freq=4e8),
        Element("thinMULTIPOLE", PolynomB=[0.0, 0.1, 0.0, 0.0], NumIntSteps=1, rad=0),
    ):
        end = track(julia, element)
        assert bool(end.alive.all())
        assert bool(torch.isfinite(end.coordinates).all())

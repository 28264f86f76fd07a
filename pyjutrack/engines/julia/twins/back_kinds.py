"""What each of JuTrack's kinds is here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....beam.reference import SPEED_OF_LIGHT
from ....elements import (
    CrabCavity,
    Drift,
    Element,
    Kicker,
    Marker,
    Multipole,
    Octupole,
    Patch,
    Quadrupole,
    RFCavity,
    SBend,
    Sextupole,
    Solenoid,
)
from .back import Description, back, strip
from .rf import NO_FREQUENCY

_FACTORIALS = (1.0, 1.0, 2.0, 6.0)
_FRINGES = "FringeQuadEntrance", "FringeQuadExit"


@back("MARKER")
def _(d: Description) -> Element:
    return Marker(name=d.name)


@back("DRIFT")
def _(d: Description) -> Element:
    return Drift(d.number("len"), name=d.name)


@back("QUAD")
def _(d: Description) -> Element:
    d.ignore("rad")
    return Quadrupole(d.number("len"), d.number("k1"), name=d.name)


@back("SOLENOID")
def _(d: Description) -> Element:
    return Solenoid(d.number("len"), d.number("ks"), name=d.name)


@back("CORRECTOR")
def _(d: Description) -> Element:
    length = d.number("len")
    model: dict[str, Any] = {"model": "paraxial"} if length else {}
    kicks: dict[str, Any] = {"hkick": d.number("xkick"), "vkick": d.number("ykick")}
    return Kicker(length, **kicks, **model, name=d.name)


@back("KQUAD")
def _(d: Description) -> Element:
    normal, skew = _straight_series(d)
    length = d.number("len")
    options = _options(d)
    rest = strip((normal[0], 0.0, *normal[2:])), strip((skew[0], 0.0, *skew[2:]))
    if normal[1] or skew[1] or not any(rest):
        fringe = _fringe(d, rest)
        strengths: dict[str, Any] = {"k1": normal[1], "k1s": skew[1], **_integrated(rest, length)}
        return Quadrupole(length, **strengths, **options, **fringe)
    if max(map(len, rest)) == 1:
        kicks: dict[str, Any] = {"hkick": -normal[0] * length, "vkick": skew[0] * length}
        return Kicker(length, **kicks, **{k: v for k, v in options.items() if k != "model"})
    return Multipole(length=length, **_integrated(rest, length), **options)


@back("KSEXT")
def _(d: Description) -> Element:
    normal, skew = _straight_series(d)
    length = d.number("len")
    rest = tuple(strip((*s[:2], 0.0, *s[3:])) for s in (normal, skew))
    own: dict[str, Any] = {"k2": normal[2], "k2s": skew[2]}
    return Sextupole(length, **own, **_integrated(rest, length), **_options(d))


@back("KOCT")
def _(d: Description) -> Element:
    normal, skew = _straight_series(d)
    length = d.number("len")
    rest = tuple(strip(s[:3]) for s in (normal, skew))
    own: dict[str, Any] = {"k3": normal[3], "k3s": skew[3]}
    return Octupole(length, **own, **_integrated(rest, length), **_options(d))


@back("thinMULTIPOLE")
def _(d: Description) -> Element:
    d.ignore("NumIntSteps", "rad", *_FRINGES)
    orders = d.whole("MaxOrder") + 1
    normal, skew = (d.array(name)[:orders] for name in ("PolynomB", "PolynomA"))
    kick = d.array("KickAngle")
    normal[0] -= kick[0]
    skew[0] += kick[1]
    factorials = [math.factorial(n) for n in range(orders)]
    knl, ksl = (strip(s * factorials) for s in (normal, skew))
    return Multipole(knl, ksl, name=d.name)


@back("LBEND")
def _(d: Description) -> Element:
    edges: dict[str, Any] = {"fint": d.number("fint1"), "fintx": d.number("fint2")}
    edges["hgap"] = d.number("FullGap") / 2
    return SBend(**_arc(d), k1=d.number("K"), **edges, model="linear", name=d.name)


@back("SBEND")
def _(d: Description) -> Element:
    arc, series = _arc(d), _curved_series(d)
    edges: dict[str, Any] = {}
    for name, end, face in (("fint", "1", "Entrance"), ("fintx", "2", "Exit")):
        method = d.whole(f"FringeBend{face}")
        fint = d.number(f"fint{end}")
        if method not in (0, 1):
            raise d.refused(f"has FringeBend{face}={method}, an edge that is not here", "take 1")
        edges[name] = fint if method else 0.0
    edges["hgap"] = d.number("gap") / 2
    if not series["k1"]:
        d.ignore(*_FRINGES)  # which are of gradients
    d.ignore("FringeIntM0", "FringeIntP0")
    steps = d.whole("NumIntSteps")
    return SBend(**arc, **series, **edges, model="paraxial", steps=steps, name=d.name)


@back("ESBEND")
def _(d: Description) -> Element:
    steps = d.whole("NumIntSteps")
    arc, series = _arc(d), _curved_series(d)
    ends = {d.whole("FringeBendEntrance") != 0, d.whole("FringeBendExit") != 0}
    if len(ends) > 1 or (ends == {False} and (arc["e1"] or arc["e2"])):
        raise d.refused(
            "has faces with and without fringes, and those here have both or none",
            "set FringeBendEntrance and FringeBendExit to 1",
        )
    edges: dict[str, Any] = {} if ends == {True} else {"edges": "none"}
    gap = d.number("gK")
    if gap and ends == {True}:
        edges |= {"fint": 0.5, "fintx": 0.5, "hgap": gap}
    if not steps:
        return SBend(**arc, **edges, name=d.name)  # JuTrack does not kick then
    return SBend(**arc, **series, **edges, steps=steps, name=d.name)


@back("RFCA")
def _(d: Description) -> Element:
    reference = d.require_reference()
    energy, freq = d.number("energy"), d.number("freq")
    if not energy:
        raise d.refused("has no energy, by which its voltage counts", "set energy [eV]")
    frequency = freq * float(reference.beta)
    scale = float(reference.p0c) / (float(reference.beta) * abs(reference.species.charge))
    late = d.number("philag") + 2 * math.pi * freq / SPEED_OF_LIGHT * d.number("lag")
    d.ignore("h")
    return RFCavity(
        d.number("len"),
        d.number("volt") / energy * scale,
        frequency=0.0 if frequency <= 2 * NO_FREQUENCY else frequency,
        phase=math.pi - late,
        name=d.name,
    )


@back("CRABCAVITY")
def _(d: Description) -> Element:
    reference = d.require_reference()
    d.ignore("energy", "freq")
    charge = abs(reference.species.charge)
    scale = float(reference.p0c) / (charge * float(reference.kinetic_energy))
    return CrabCavity(
        d.number("len"),
        d.number("volt") * scale,
        frequency=d.number("k") * SPEED_OF_LIGHT / (2 * math.pi),
        phase=d.number("phi") / float(reference.beta),
        name=d.name,
    )


@back("TRANSLATION")
def _(d: Description) -> Element:
    return Patch(dx=d.number("dx"), dy=d.number("dy"), name=d.name)


@back("YROTATION")
def _(d: Description) -> Element:
    return Patch(y_rot=d.number("angle"), name=d.name)


def _straight_series(d: Description) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Normal and skew strengths per length of a magnet, up to the order that JuTrack looks at."""
    length, orders = d.number("len"), d.whole("MaxOrder") + 1
    normal = np.array([d.number(f"k{n}") for n in range(4)])
    skew = d.array("PolynomA")[:4] * _FACTORIALS
    normal[orders:] = skew[orders:] = 0.0
    kick = np.sin(d.array("KickAngle"))
    if length > 0:
        normal[0] -= kick[0] / length
        skew[0] += kick[1] / length
    return tuple(normal.tolist()), tuple(skew.tolist())


def _curved_series(d: Description) -> dict[str, Any]:
    """k1, k2 and other multipoles of a bend."""
    length, orders = float(d.fields["len"]), d.whole("MaxOrder") + 1
    normal, skew = (d.array(name)[:4] * _FACTORIALS for name in ("PolynomB", "PolynomA"))
    normal[orders:] = skew[orders:] = 0.0
    kick = np.sin(d.array("KickAngle")) / length
    normal[0] -= kick[0]
    skew[0] += kick[1]
    rest = strip((normal[0], 0.0, 0.0, normal[3])), strip(skew)
    own: dict[str, Any] = {"k1": float(normal[1]), "k2": float(normal[2])}
    return own | _integrated(rest, length)


def _arc(d: Description) -> dict[str, Any]:
    return {name: d.number(theirs) for name, theirs in _ARC.items()}


_ARC = {"length": "len", "angle": "angle", "e1": "e1", "e2": "e2"}


def _options(d: Description) -> dict[str, Any]:
    return {"model": "exact", "steps": d.whole("NumIntSteps"), "name": d.name}


def _integrated(rest: Any, length: float) -> dict[str, Any]:
    normal, skew = (tuple(k * length for k in series) for series in rest)
    return {"knl": normal, "ksl": skew}


def _fringe(d: Description, rest: Any) -> dict[str, Any]:
    """The fringe of a quadrupole, if it is at both ends and of its gradient alone."""
    ends = [d.fields[name] != 0 for name in _FRINGES]
    if not all(ends) or max(map(len, rest)) > 2:
        return {}
    d.ignore(*_FRINGES)
    return {"fringe": "hard-edge"}

"""Magnets of the Accelerator Toolbox, by the model that reproduces their pass method.

Sources: A. Terebilo, SLAC-PUB-8732; pyAT's documentation of its integrators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...elements import (
    Drift,
    Element,
    Kicker,
    Marker,
    Multipole,
    Octupole,
    Quadrupole,
    SBend,
    Sextupole,
    Solenoid,
)
from ..limits import STEPS
from ..record import Say
from .element import AtElement
from .placement import Fields, fields_of
from .strengths import kick_of, own_gradient, polynomials, scaling, series, take


@dataclass(frozen=True)
class _Body:
    """The Hamiltonian that a pass method of a bend solves.

    Attributes:
        model: of ours that solves it.
        gap: attributes of the field integrals times gap, or of the integral alone beside FullGap.
        curved: orders of multipoles that have their curvature's terms in AT; others stand in knl.
        frame: in which the multipoles stand.
        skew: whether AT takes PolynomA.
        methods: whether FringeBendEntrance and FringeBendExit choose how the faces act.
    """

    model: str
    gap: tuple[str, ...] = ("FringeInt1", "FringeInt2")
    curved: tuple[int, ...] = (1, 2)
    frame: str = "curved"
    skew: bool = True
    methods: bool = False


#: model of the pass methods of straight magnets, without "Rad" and "Quant"
_STRAIGHT = {
    "StrMPoleSymplectic4Pass": "paraxial",
    "ExactMultipolePass": "exact",
    "QuadLinearPass": "linear",
}
_EXACT = _Body("exact", gap=("gK",), curved=(), frame="straight", methods=True)
#: of bends
_BENT = {
    "BndMPoleSymplectic4Pass": _Body("paraxial", methods=True),
    "BendLinearPass": _Body("linear"),
    "BndMPoleSymplectic4E2Pass": _Body("exact", skew=False),
    "BndStrMPoleSymplectic4Pass": _Body("exact", curved=(), frame="straight"),
    "ExactSectorBendPass": _Body("exact", gap=("gK",), curved=(), methods=True),
    "ExactRectBendPass": _EXACT,
    "ExactRectangularBendPass": _EXACT,
}
#: what differs from another pass method by what is left out
_LIKE = {
    "QuadLinearFPass": "QuadLinearPass",
    "QuadMPoleFringePass": "StrMPoleSymplectic4Pass",
    "StrMPoleSymplectic4FrgFPass": "StrMPoleSymplectic4Pass",
    "BndMPoleSymplectic4FrgFPass": "BndMPoleSymplectic4Pass",
    "StrOldRadPass": "StrMPoleSymplectic4RadPass",
    "BndOldRadPass": "BndMPoleSymplectic4RadPass",
}
_DRIFTS = {"DriftPass": "paraxial", "ExactDriftPass": "exact"}


def magnet(source: AtElement, say: Say) -> Element:
    """A magnet, by its pass method."""
    name, length = source.method, source.length
    if name in _DRIFTS or name == "IdentityPass":
        return idle(source, say)
    if name == "ThinMPolePass":
        return _thin_multipole(source, say)
    plain = _plain(name, say, {**_STRAIGHT, **(_BENT if source.bends else {})}, source.bends)
    if plain in _BENT:
        return _bend(source, plain, say)
    if not length:
        say(f"{name} over no length acts on nothing; read as a marker")
        return Marker(**fields_of(source, say))
    return _straight(source, plain, say)


def idle(source: AtElement, say: Say) -> Element:
    """Convert an element that is switched off."""
    name, length = source.method, source.length
    if not length:
        say(f"switched off in the file ({name}); read as a marker")
        return Marker(**fields_of(source, say))
    still = ", where AT moves no particle" if name == "IdentityPass" else ""
    say(f"switched off in the file ({name}); read as a drift of {length:g} m{still}")
    return Drift(length, model=_DRIFTS.get(name, "paraxial"), **fields_of(source, say))


def solenoid(source: AtElement, say: Say) -> Element:
    """Convert a solenoid: AT's is the linear part of ours."""
    return Solenoid(source.length, own_gradient(source), **fields_of(source, say))


def corrector(source: AtElement, say: Say) -> Element:
    """A corrector; AT's own is paraxial."""
    if source.method in _DRIFTS or source.method == "IdentityPass":
        return idle(source, say)
    if source.method != "CorrectorPass":
        say(f"pass method {source.method}; read as CorrectorPass")
    hkick, vkick = (k * scaling(source) for k in source.numbers("KickAngle", 2))
    options = {"model": "paraxial", **fields_of(source, say)}
    return Kicker(source.length, hkick=hkick, vkick=vkick, **options)


def _plain(name: str, say: Say, known: dict[str, Any], bends: bool) -> str:
    """The pass method without what is left out of it."""
    plain = _LIKE.get(name, name)
    if "Rad" not in name and plain != name:
        say(f"pass method {name}; read as {plain}, without the fringe of its gradient")
    if plain.endswith(("RadPass", "QuantPass")):
        plain = plain.removesuffix("Pass").removesuffix("Rad").removesuffix("Quant") + "Pass"
        say(f"{name}: synchrotron radiation is left out")
    if plain in known:
        return plain
    nearest = "BndMPoleSymplectic4Pass" if bends else "StrMPoleSymplectic4Pass"
    say(f"pass method {name}; read as {nearest}")
    return nearest


def _integrator(source: AtElement, model: str) -> Fields:
    steps = max(source.whole("NumIntSteps", 10, STEPS), 1)
    return {"model": model, "order": 4, "steps": steps}


_ORDERS: dict[str, tuple[Callable[..., Element], int]] = {
    "Quadrupole": (Quadrupole, 1),
    "Sextupole": (Sextupole, 2),
    "Octupole": (Octupole, 3),
}


def _straight(source: AtElement, plain: str, say: Say) -> Element:
    """Straight magnets of every order, by the class of AT."""
    if source.number("BendingAngle"):
        say(f"{plain} does not bend in AT; read as a straight magnet")
    length, model = source.length, _STRAIGHT[plain]
    common = {**_integrator(source, model), **fields_of(source, say)}
    kind, order = _ORDERS.get(source.kind.name, (Multipole, None))
    common |= _edges(source, kind is Quadrupole and model != "linear", say)
    if model == "linear":
        return Quadrupole(length, _gradient(source, plain, say), **common)
    normal, skew = polynomials(source)
    if order is not None:
        common[f"k{order}"] = take(normal, order)
        common[f"k{order}s"] = take(skew, order)
    return kind(length=length, **series(normal, skew, length), **common)


def _edges(source: AtElement, known: bool, say: Say) -> Fields:
    """The hard edges of a gradient where AT has them at both ends; of PolynomB alone in AT.

    Args:
        known: the kind has such edges here.
    """
    ends = {n: source.whole(n, 0) for n in ("FringeQuadEntrance", "FringeQuadExit")}
    if not any(source.polynomial("PolynomB")[1:2]):
        return {}
    if known and set(ends.values()) == {1}:
        if any(source.polynomial("PolynomA")[1:2]):
            say("the hard edges are those of its skew gradient too")
        return {"fringe": "hard-edge"}
    for name, edge in ends.items():
        if edge:
            say(f"{name} = {edge} is left out")
    return {}


def _thin_multipole(source: AtElement, say: Say) -> Element:
    if source.number("BendingAngle"):
        say("bends the reference orbit over no length, which is left out")
    if source.length:
        say(f"ThinMPolePass passes its {source.length:g} m at once; read as of no length")
    return Multipole(**series(*polynomials(source), 1.0), **fields_of(source, say))


def _bend(source: AtElement, plain: str, say: Say) -> Element:
    body, length, angle = _BENT[plain], source.length, source.number("BendingAngle")
    if not length:  # refused if it bends
        return SBend(length, angle, **fields_of(source, say))
    own: Fields
    if body.model == "linear":
        own = {
            "k1": _gradient(source, plain, say),
            "dk0": source.number("ByError") * angle / length,
        }
    else:
        own = _multipoles(source, plain, body, say)
    faces = [source.number(f"{face}Angle") for face in ("Entrance", "Exit")]
    if plain == "BndStrMPoleSymplectic4Pass":
        say(f"{plain} has thin lenses for the fringes; read as exact ones, to second order")
        if not np.allclose(faces, angle / 2, rtol=0, atol=1e-9):
            say("faces that are not parallel; AT turns the frame by their angles alone")
    if plain == "BndMPoleSymplectic4E2Pass" and own["k1"] and any(faces):
        say("the gradient within the wedges of its faces is left out, to second order")
    return SBend(
        length,
        angle,
        e1=faces[0],
        e2=faces[1],
        edges="exact" if body.model == "exact" else "linear",
        **own,
        **_gap(source, body, say),
        **_integrator(source, body.model),
        **fields_of(source, say),
    )


def _multipoles(source: AtElement, plain: str, body: _Body, say: Say) -> Fields:
    """The field of a bend beside its dipole; AT kicks by dipole errors as in a straight magnet."""
    length = source.length
    normal, skew = polynomials(source)
    if not body.skew and any(source.polynomial("PolynomA")):
        say(f"{plain} takes no PolynomA, and neither does this package")
    if not body.skew:
        skew = []
    if body.frame == "straight" and any((*normal[1:], *skew[1:])):
        say("multipoles along the magnet's straight axis; read as along its orbit")
    own: Fields = {f"k{order}": take(normal, order) for order in body.curved}
    own["dk0"] = (scaling(source) - 1) * source.number("BendingAngle") / length
    return {**own, **series(normal, skew, length)}


def _gap(source: AtElement, body: _Body, say: Say) -> Fields:
    """Field integrals of the faces, and the gap, as far as AT takes them."""
    gap = source.number("FullGap")
    if body.gap == ("gK",):
        integral = source.number("gK")
        gap = gap or integral
        faces = [integral / gap if gap else 0.0] * 2
    else:
        faces = [source.number(name) if gap else 0.0 for name in body.gap]
    if body.methods:
        for n, face in enumerate(("Entrance", "Exit")):
            method = source.whole(f"FringeBend{face}", 1)
            if body.model == "exact" and not method:
                say(f"FringeBend{face} = 0: read with the fringe of a hard edge")
            elif body.model != "exact" and method in (2, 3):
                say(f"FringeBend{face} = {method}: read as first-order edges")
            elif method == 0:
                faces[n] = 0.0
    if any(faces):
        say("off momentum, the field integral of its faces acts otherwise than in AT")
    return {"fint": faces[0], "fintx": faces[1], "hgap": gap / 2}


def _gradient(source: AtElement, plain: str, say: Say) -> float:
    """The gradient of a pass method that takes no other multipole, no kick and no scaling."""
    normal, skew = source.polynomial("PolynomB"), source.polynomial("PolynomA")
    own = own_gradient(source)
    normal[1:2] = []
    if any((*normal, *skew, *kick_of(source))) or scaling(source) != 1:
        say(f"{plain} takes the gradient alone, as does this package")
    return own

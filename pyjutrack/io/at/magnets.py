"""Magnets of the Accelerator Toolbox, by the model that reproduces their pass method.

AT's PolynomB[n] and PolynomA[n] are k_n / n! of the normal and skew multipoles, densities where the
element has a length. Sources: A. Terebilo, SLAC-PUB-8732; pyAT's documentation of its integrators.
"""

from __future__ import annotations

import math
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
from ..record import Say
from .placement import Fields, length_of, placement


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


def magnet(source: Any, say: Say) -> Element:
    """A magnet, by its pass method."""
    name, length = source.PassMethod, length_of(source)
    if name in _DRIFTS or name == "IdentityPass":
        return idle(source, say)
    if name == "ThinMPolePass":
        return _thin_multipole(source, say)
    bends = hasattr(source, "BendingAngle")
    plain = _plain(name, say, {**_STRAIGHT, **(_BENT if bends else {})}, bends)
    if plain in _BENT:
        return _bend(source, plain, say)
    if not length:
        say(f"{name} over no length acts on nothing; read as a marker")
        return Marker(**_fields(source, say))
    return _straight(source, plain, say)


def idle(source: Any, say: Say) -> Element:
    """Convert an element that is switched off."""
    name, length = source.PassMethod, length_of(source)
    if not length:
        say(f"switched off in the file ({name}); read as a marker")
        return Marker(**_fields(source, say))
    still = ", where AT moves no particle" if name == "IdentityPass" else ""
    say(f"switched off in the file ({name}); read as a drift of {length:g} m{still}")
    return Drift(length, model=_DRIFTS.get(name, "paraxial"), **_fields(source, say))


def solenoid(source: Any, say: Say) -> Element:
    """Convert a solenoid: AT's is the linear part of ours."""
    return Solenoid(length_of(source), float(source.K), **_fields(source, say))


def corrector(source: Any, say: Say) -> Element:
    """A corrector; AT's own is paraxial."""
    if source.PassMethod in _DRIFTS or source.PassMethod == "IdentityPass":
        return idle(source, say)
    if source.PassMethod != "CorrectorPass":
        say(f"pass method {source.PassMethod}; read as CorrectorPass")
    hkick, vkick = (float(k) * _scaling(source) for k in np.ravel(source.KickAngle)[:2])
    options = {"model": "paraxial", **_fields(source, say)}
    return Kicker(length_of(source), hkick=hkick, vkick=vkick, **options)


def _fields(source: Any, say: Say) -> Fields:
    return {"name": str(source.FamName), **placement(source, say)}


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


def _integrator(source: Any, model: str) -> Fields:
    steps = max(int(getattr(source, "NumIntSteps", 10)), 1)
    return {"model": model, "order": 4, "steps": steps}


_ORDERS: dict[str, tuple[Callable[..., Element], int]] = {
    "Quadrupole": (Quadrupole, 1),
    "Sextupole": (Sextupole, 2),
    "Octupole": (Octupole, 3),
}


def _straight(source: Any, plain: str, say: Say) -> Element:
    """Straight magnets of every order, by the class of AT."""
    if float(getattr(source, "BendingAngle", 0.0)):
        say(f"{plain} does not bend in AT; read as a straight magnet")
    length, model = length_of(source), _STRAIGHT[plain]
    common = {**_integrator(source, model), **_fields(source, say)}
    if model == "linear":
        return Quadrupole(length, _gradient(source, plain, say), **common)
    normal, skew = _polynomials(source)
    kind, order = _ORDERS.get(type(source).__name__, (Multipole, None))
    if order is not None:
        common[f"k{order}"] = _take(normal, order)
        common[f"k{order}s"] = _take(skew, order)
    return kind(length=length, **_series(normal, skew, length), **common)


def _thin_multipole(source: Any, say: Say) -> Element:
    if np.any(getattr(source, "BendingAngle", 0.0)):
        say("bends the reference orbit over no length, which is left out")
    if length_of(source):
        say(f"ThinMPolePass passes its {length_of(source):g} m at once; read as of no length")
    return Multipole(**_series(*_polynomials(source), 1.0), **_fields(source, say))


def _bend(source: Any, plain: str, say: Say) -> Element:
    body, length, angle = _BENT[plain], length_of(source), float(source.BendingAngle)
    if not length:  # refused if it bends
        return SBend(length, angle, **_fields(source, say))
    own: Fields
    if body.model == "linear":
        own = {
            "k1": _gradient(source, plain, say),
            "dk0": float(getattr(source, "ByError", 0.0)) * angle / length,
        }
    else:
        own = _multipoles(source, plain, body, say)
    faces = [float(getattr(source, f"{face}Angle", 0.0)) for face in ("Entrance", "Exit")]
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
        **_fields(source, say),
    )


def _multipoles(source: Any, plain: str, body: _Body, say: Say) -> Fields:
    """The field of a bend beside its dipole; AT kicks by dipole errors as in a straight magnet."""
    length = length_of(source)
    normal, skew = _polynomials(source)
    if not body.skew and any(float(a) for a in np.ravel(getattr(source, "PolynomA", ()))):
        say(f"{plain} takes no PolynomA, and neither does this package")
    if not body.skew:
        skew = []
    if body.frame == "straight" and any((*normal[1:], *skew[1:])):
        say("multipoles along the magnet's straight axis; read as along its orbit")
    own: Fields = {f"k{order}": _take(normal, order) for order in body.curved}
    own["dk0"] = (_scaling(source) - 1) * float(source.BendingAngle) / length
    return {**own, **_series(normal, skew, length)}


def _gap(source: Any, body: _Body, say: Say) -> Fields:
    """Field integrals of the faces, and the gap, as far as AT takes them."""
    gap = float(getattr(source, "FullGap", 0.0))
    if body.gap == ("gK",):
        integral = float(getattr(source, "gK", 0.0))
        gap = gap or integral
        faces = [integral / gap if gap else 0.0] * 2
    else:
        faces = [float(getattr(source, name, 0.0)) if gap else 0.0 for name in body.gap]
    if body.methods:
        for n, face in enumerate(("Entrance", "Exit")):
            method = int(getattr(source, f"FringeBend{face}", 1))
            if body.model == "exact" and not method:
                say(f"FringeBend{face} = 0: read with the fringe of a hard edge")
            elif body.model != "exact" and method in (2, 3):
                say(f"FringeBend{face} = {method}: read as first-order edges")
            elif method == 0:
                faces[n] = 0.0
    if any(faces):
        say("off momentum, the field integral of its faces acts otherwise than in AT")
    return {"fint": faces[0], "fintx": faces[1], "hgap": gap / 2}


def _gradient(source: Any, plain: str, say: Say) -> float:
    """The gradient of a pass method that takes no other multipole, no kick and no scaling."""
    rest = [np.array(getattr(source, p, ()), float).ravel() for p in ("PolynomB", "PolynomA")]
    own = rest[0][1] if len(rest[0]) > 1 else getattr(source, "K", 0.0)
    rest[0][1:2] = 0.0
    kick = np.any(getattr(source, "KickAngle", 0.0))
    if any(map(np.any, rest)) or kick or _scaling(source) != 1:
        say(f"{plain} takes the gradient alone, as does this package")
    return float(own)


def _scaling(source: Any) -> float:
    return float(getattr(source, "FieldScaling", getattr(source, "Scaling", 1.0)))


def _polynomials(source: Any) -> tuple[list[float], list[float]]:
    """Multipole strengths k_n and k_n s, densities in a thick element."""
    count = int(getattr(source, "MaxOrder", 0)) + 1
    normal, skew = (
        [float(b) * math.factorial(n) * _scaling(source) for n, b in enumerate(np.ravel(p)[:count])]
        for p in (getattr(source, "PolynomB", ()), getattr(source, "PolynomA", ()))
    )
    kick = np.ravel(getattr(source, "KickAngle", (0.0, 0.0)))
    if np.any(kick):
        length, scale = length_of(source), _scaling(source)
        thick = length and source.PassMethod != "ThinMPolePass"
        strength = [scale * (math.sin(k) / length if thick else float(k)) for k in kick[:2]]
        normal, skew = normal or [0.0], skew or [0.0]
        normal[0] -= strength[0]
        skew[0] += strength[1]
    return normal, skew


def _take(values: list[float], order: int) -> float:
    """Take the strength of one order out of the rest."""
    if order >= len(values):
        return 0.0
    value, values[order] = values[order], 0.0
    return value


def _series(normal: list[float], skew: list[float], length: float) -> Fields:
    found = {}
    for name, values in (("knl", normal), ("ksl", skew)):
        while values and values[-1] == 0.0:
            values.pop()
        if values:
            found[name] = tuple(v * length for v in values)
    return found

"""Elements of the Accelerator Toolbox as elements of this package.

An AT element is what its pass method does. AT's PolynomB[n] and PolynomA[n] are k_n / n! of the
normal and skew multipoles, densities where the element has a length. Its sixth coordinate is late
where ours is ahead. Source: A. Terebilo, SLAC-PUB-8732; pyAT's documentation of its elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..elements import (
    Aperture,
    Drift,
    Element,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    RFCavity,
    SBend,
    Sextupole,
)
from ..reference import SPEED_OF_LIGHT
from .record import Say

Fields = dict[str, Any]

#: model of the pass methods that are one of ours, without "Rad" and "Quant"
_MODELS = {
    "DriftPass": "paraxial",
    "ExactDriftPass": "exact",
    "StrMPoleSymplectic4Pass": "paraxial",
    "ExactMultipolePass": "exact",
    "QuadLinearPass": "linear",
    "BndMPoleSymplectic4Pass": "paraxial",
    "BendLinearPass": "linear",
    "ExactSectorBendPass": "exact",
}

#: attributes without a meaning for tracking, or read for every kind
_NEUTRAL = {
    *("FamName", "Length", "PassMethod", "MaxOrder", "NumIntSteps", "Class", "Name", "Device"),
    *("tag", "origin", "Energy", "HarmNumber", "BetaCode", "Reading", "T1", "T2", "R1", "R2"),
    *("dx", "dy", "dz", "tilt", "pitch", "yaw", "tilt_frame", "reference", "ReferencePoint"),
}
_POLYNOMIALS = {"PolynomA", "PolynomB", "FieldScaling", "Scaling", "KickAngle"}


def converted(source: Any, say: Say) -> Element:
    """An AT element as one of this package; `say` takes what is left out."""
    for kind in type(source).__mro__:
        if kind.__name__ in _KINDS:
            convert, read = _KINDS[kind.__name__]
            element = convert(source, say)
            _say_rest(source, _NEUTRAL | read, say)
            return element
    return _unknown(source, say)


def _fields(source: Any, say: Say) -> Fields:
    return {"name": str(source.FamName), **_placement(source, say)}


def _length(source: Any) -> float:
    return float(getattr(source, "Length", 0.0))


def _drift(source: Any, say: Say) -> Element:
    model = _model(source, say, ("DriftPass", "ExactDriftPass"))
    return Drift(_length(source), model=model, **_fields(source, say))


def _thin_place(kind: type[Element]) -> Callable[[Any, Say], Element]:
    def convert(source: Any, say: Say) -> Element:
        if source.PassMethod not in ("IdentityPass", "DriftPass"):
            say(f"pass method {source.PassMethod}; read as a {kind.__name__}")
        if _length(source) and not issubclass(kind, Monitor):
            return Drift(_length(source), **_fields(source, say))
        fields = _fields(source, say)
        if _length(source):
            fields["length"] = _length(source)
        return kind(**fields)

    return convert


def _multipole(source: Any, say: Say) -> Element:
    """Straight magnets of every order, by the class of AT."""
    if source.PassMethod == "ThinMPolePass" or not _length(source):
        return _thin_multipole(source, say)
    normal, skew = _polynomials(source)
    common = {**_integrated(source, say, straight=True), **_fields(source, say)}
    length = _length(source)
    kind, order = _ORDERS.get(type(source).__name__, (Multipole, None))
    if order is not None:
        common[f"k{order}"] = _taken(normal, order)
        common[f"k{order}s"] = _taken(skew, order)
    if common["model"] == "linear" and kind is not Quadrupole:
        common["model"] = "paraxial"
    return kind(length=length, **_series(normal, skew, length), **common)


_ORDERS: dict[str, tuple[Callable[..., Element], int]] = {
    "Quadrupole": (Quadrupole, 1),
    "Sextupole": (Sextupole, 2),
    "Octupole": (Octupole, 3),
}


def _thin_multipole(source: Any, say: Say) -> Element:
    normal, skew = _polynomials(source)
    if getattr(source, "BendingAngle", 0.0):
        say("bends the reference orbit over no length; read as a kick")
    return Multipole(**_series(normal, skew, 1.0), **_fields(source, say))


def _dipole(source: Any, say: Say) -> Element:
    normal, skew = _polynomials(source)
    length, angle = _length(source), float(source.BendingAngle)
    scaling = _scaling(source)
    straight = source.PassMethod.startswith(("StrMPole", "ExactMultipole"))
    if straight and angle:
        say(f"{source.PassMethod} does not bend; read as a bend of {angle:g} rad")
    options = _integrated(source, say, straight=straight)
    gap = float(getattr(source, "FullGap", 0.0))
    for face in ("Entrance", "Exit"):
        kind = int(getattr(source, f"FringeBend{face}", 1))
        if kind != 1 and gap:
            say(f"FringeBend{face} = {kind}: read as first-order edges")
    faces = [float(getattr(source, f"FringeInt{n}", 0.0)) if gap else 0.0 for n in (1, 2)]
    if any(faces):
        say("off momentum, the field integral of its faces acts otherwise than in AT")
    return SBend(
        length,
        angle,
        k1=_taken(normal, 1),
        k2=_taken(normal, 2),
        dk0=_taken(normal, 0) + (scaling - 1) * (angle / length if length else 0.0),
        e1=float(source.EntranceAngle),
        e2=float(source.ExitAngle),
        fint=faces[0],
        fintx=faces[1],
        hgap=gap / 2,
        edges="exact" if options["model"] == "exact" else "linear",
        **_series(normal, skew, length),
        **options,
        **_fields(source, say),
    )


def _corrector(source: Any, say: Say) -> Element:
    hkick, vkick = (float(k) * _scaling(source) for k in np.ravel(source.KickAngle)[:2])
    if source.PassMethod != "CorrectorPass":
        say(f"pass method {source.PassMethod}; read as CorrectorPass")
    options = {"model": "paraxial", **_fields(source, say)}
    return Kicker(_length(source), hkick=hkick, vkick=vkick, **options)


def _cavity(source: Any, say: Say) -> Element:
    """AT takes V / E sin(omega (ct - TimeLag) / c - PhaseLag) from delta, with ct late."""
    if not source.PassMethod.endswith("CavityPass"):
        say(f"switched off in the file ({source.PassMethod}); here it acts")
    frequency = float(source.Frequency)
    phase = float(getattr(source, "PhaseLag", 0.0))
    lag = float(getattr(source, "TimeLag", 0.0))
    phase += 2 * math.pi * frequency * lag / SPEED_OF_LIGHT if lag else 0.0
    options = {"frequency": frequency, "phase": math.pi - phase, **_fields(source, say)}
    return RFCavity(_length(source), float(source.Voltage), **options)


def _aperture(source: Any, say: Say) -> Element:
    x0, x1, y0, y1 = (float(v) for v in np.ravel(source.Limits))
    shift: Fields = _fields(source, say)
    half: Fields = {}
    for low, high, size, axis in ((x0, x1, "half_width", "dx"), (y0, y1, "half_height", "dy")):
        if math.isfinite(low) and math.isfinite(high):
            half[size] = (high - low) / 2
            shift[axis] = shift.get(axis, 0.0) + (high + low) / 2
        elif math.isfinite(low) or math.isfinite(high):
            say(f"open on one side ([{low}, {high}]); read as open on both")
    return Aperture(**half, **shift)


def _unknown(source: Any, say: Say) -> Element:
    kind, length = type(source).__name__, _length(source)
    name = str(source.FamName)
    if source.PassMethod in ("IdentityPass", "DriftPass"):
        return Drift(length, model="paraxial", name=name) if length else Marker(name=name)
    place = f"a drift of {length:g} m" if length else "a marker"
    say(f"{kind} ({source.PassMethod}) has no counterpart; read as {place}")
    return Drift(length, name=name) if length else Marker(name=name)


def _model(source: Any, say: Say, known: tuple[str, ...]) -> str:
    """The model of a pass method."""
    name: str = source.PassMethod
    plain = name.replace("RadPass", "Pass").replace("QuantPass", "Pass")
    if plain != name:
        say("synchrotron radiation is left out")
    if plain in known:
        return _MODELS[plain]
    say(f"pass method {name}; read as {known[0]}")
    return _MODELS[known[0]]


def _integrated(source: Any, say: Say, *, straight: bool) -> Fields:
    """Model, order and steps of a magnet."""
    known = ("StrMPoleSymplectic4Pass", "ExactMultipolePass", "QuadLinearPass")
    curved = ("BndMPoleSymplectic4Pass", "BendLinearPass", "ExactSectorBendPass")
    model = _model(source, say, known if straight else curved)
    return {"model": model, "order": 4, "steps": max(int(getattr(source, "NumIntSteps", 10)), 1)}


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
        over = _length(source) or 1.0
        normal, skew = normal or [0.0], skew or [0.0]
        normal[0] -= math.sin(kick[0]) / over
        skew[0] += math.sin(kick[1]) / over
    return normal, skew


def _taken(values: list[float], order: int) -> float:
    """The strength of one order, taken out of the rest."""
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


def _placement(source: Any, say: Say) -> Fields:
    """Displacement and roll, from AT's own record of them or from T1, T2, R1 and R2."""
    names = {"dx": "dx", "dy": "dy", "dz": "dz", "pitch": "x_rot", "yaw": "y_rot"}
    names |= {"tilt": "z_rot", "tilt_frame": "tilt"}
    told = {ours: float(getattr(source, theirs, 0.0)) for theirs, ours in names.items()}
    told = {name: value for name, value in told.items() if value}
    if told:
        entrance = getattr(source.ReferencePoint, "name", "CENTRE") != "CENTRE"
        if entrance and {"x_rot", "y_rot"} & set(told):
            say("turned about its entrance; read as turned about its middle")
        if told.get("x_rot") and told.get("y_rot"):
            say("turned about x and y in AT's order; read in the order y, x, s")
        return told
    return _roll(source, say) | _shift(source, say)


def _roll(source: Any, say: Say) -> Fields:
    first, last = (np.asarray(getattr(source, r, np.eye(6)), float) for r in ("R1", "R2"))
    angle = math.atan2(first[0, 2], first[0, 0]) if first.shape == (6, 6) else math.nan
    c, s = math.cos(angle), math.sin(angle)
    rolled = np.diag([c, c, c, c, 1.0, 1.0])
    rolled[0, 2] = rolled[1, 3] = s
    rolled[2, 0] = rolled[3, 1] = -s
    if not (np.allclose(first, rolled, atol=1e-12) and np.allclose(last, rolled.T, atol=1e-12)):
        say("R1 and R2 are no pure roll; left out")
        return {}
    return {"tilt": angle} if angle else {}


def _shift(source: Any, say: Say) -> Fields:
    """T1 is -d + L s / 2 and T2 is d + L s / 2 in x and y, -s and s in px and py.

    d is the displacement of the middle, s the slope of the axis: that of a turn about y in x, and
    of a turn the other way about x in y.
    """
    shifts = (getattr(source, t, np.zeros(6)) for t in ("T1", "T2"))
    first, last = (np.ravel(np.asarray(shift, float)) for shift in shifts)
    if not (np.any(first) or np.any(last)):
        return {}
    slope = last[[1, 3]]
    turned = np.zeros(6)
    turned[[0, 2]] = _length(source) * slope
    if np.any(last[4:]) or not np.allclose(first + last, turned, rtol=1e-6, atol=1e-15):
        say("T1 and T2 are no displacement of a body; left out")
        return {}
    if getattr(source, "BendingAngle", 0.0):
        say("T1 and T2 shift both faces alike; read as a displacement of the body")
    dx, dy = (float(d) for d in (last - first)[[0, 2]] / 2)
    found = {"dx": dx, "dy": dy, "x_rot": -float(slope[1]), "y_rot": float(slope[0])}
    return {name: value for name, value in found.items() if value}


def _say_rest(source: Any, read: set[str], say: Say) -> None:
    """Say which other attributes are not neutral."""
    for name, value in vars(source).items():
        if name.startswith("_") or name in read:
            continue
        try:
            neutral = not np.any(np.asarray(value, dtype=float))
        except (TypeError, ValueError):
            neutral = value is None or isinstance(value, str)
        if not neutral:
            shown = np.array2string(np.asarray(value), precision=6, threshold=6)
            say(f"{name} = {' '.join(shown.split())} is left out")


_FACES = {"FringeBendEntrance", "FringeBendExit"}
_KINDS: dict[str, tuple[Callable[[Any, Say], Element], set[str]]] = {
    "Drift": (_drift, set()),
    "Marker": (_thin_place(Marker), _POLYNOMIALS),
    "Monitor": (_thin_place(Monitor), {"Scale"}),
    "Aperture": (_aperture, {"Limits"}),
    "RFCavity": (_cavity, {"Voltage", "Frequency", "TimeLag", "PhaseLag"}),
    "Corrector": (_corrector, {"KickAngle", "FieldScaling", "Scaling"}),
    "Dipole": (
        _dipole,
        _POLYNOMIALS
        | _FACES
        | {"BendingAngle", "EntranceAngle", "ExitAngle", "FullGap", "FringeInt1", "FringeInt2"}
        | {"K"},
    ),
    "ThinMultipole": (_multipole, _POLYNOMIALS | {"K", "H", "BendingAngle"}),
}

"""Elements of the Accelerator Toolbox as elements of this package.

An AT element is what its pass method does. AT's sixth coordinate is late where ours is ahead.
Source: A. Terebilo, SLAC-PUB-8732; pyAT's documentation of its elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...beam.reference import SPEED_OF_LIGHT
from ...core.unstated import UNSTATED
from ...elements import Aperture, Drift, Element, Marker, Monitor, Placeholder, RFCavity, TaylorMap
from ..arithmetic import charge_number
from ..errors import clip
from ..record import NOT_MODELLED, Say
from .element import AtElement
from .magnets import corrector, idle, magnet, solenoid
from .placement import Fields, fields_of

#: attributes without a meaning for tracking, or read for every kind
_NEUTRAL = {
    *("FamName", "Length", "PassMethod", "MaxOrder", "NumIntSteps", "Class", "Name", "Device"),
    *("tag", "origin", "Energy", "HarmNumber", "BetaCode", "Reading", "T1", "T2", "R1", "R2"),
    *("dx", "dy", "dz", "tilt", "pitch", "yaw", "tilt_frame", "reference", "ReferencePoint"),
}
_POLYNOMIALS = {"PolynomA", "PolynomB", "FieldScaling", "Scaling", "KickAngle"}


def convert(source: AtElement, say: Say) -> Element:
    """An AT element as one of this package; `say` takes what is left out."""
    convert, read = _BY_PASS.get(source.method) or _KINDS.get(source.kind.name, (_unknown, set()))
    element = convert(source, say)
    if element.is_modelled:
        _say_rest(source, _NEUTRAL | read, say)
    return element


def _drift(source: AtElement, say: Say) -> Element:
    name, length = source.method, source.length
    if name == "IdentityPass" and length:
        say(f"IdentityPass moves no particle over {length:g} m; read as a drift")
    elif name not in ("DriftPass", "ExactDriftPass", "IdentityPass"):
        say(f"pass method {name}; read as DriftPass")
    model = "exact" if name == "ExactDriftPass" else "paraxial"
    return Drift(length, model=model, **fields_of(source, say))


def _place(kind: type[Element]) -> Callable[[AtElement, Say], Element]:
    def convert(source: AtElement, say: Say) -> Element:
        name, length = source.method, source.length
        if name not in ("IdentityPass", "DriftPass", "ExactDriftPass"):
            say(f"pass method {name}; read as a {kind.__name__}")
        if not length:
            return kind(**fields_of(source, say))
        if name == "IdentityPass":
            say(f"IdentityPass moves no particle over {length:g} m; read as a drift")
        if issubclass(kind, Monitor):
            return Monitor(length, **fields_of(source, say))
        model = "exact" if name == "ExactDriftPass" else "paraxial"
        return Drift(length, model=model, **fields_of(source, say))

    return convert


def _cavity(source: AtElement, say: Say) -> Element:
    """AT takes V / E sin(omega (ct - TimeLag) / c - PhaseLag) from delta, with ct late.

    Of any charge: V is the energy that a particle gains.
    """
    if not source.method.endswith("CavityPass"):
        say(f"switched off as it is read ({source.method}); here it acts")
    elif source.method not in ("CavityPass", "RFCavityPass"):
        say(f"pass method {source.method}; read as RFCavityPass")
    frequency = source.number("Frequency", UNSTATED)
    phase, lag = source.number("PhaseLag"), source.number("TimeLag")
    phase += 2 * math.pi * frequency * lag / SPEED_OF_LIGHT if lag else 0.0
    options = {"frequency": frequency, "phase": math.pi - phase, **fields_of(source, say)}
    voltage = source.number("Voltage") / charge_number(source.reference)
    return RFCavity(source.length, voltage, **options)


def _aperture(source: AtElement, say: Say) -> Element:
    if source.method != "AperturePass":
        return idle(source, say)
    x0, x1, y0, y1 = source.numbers("Limits", 4)
    shift: Fields = fields_of(source, say)
    half: Fields = {}
    for low, high, size, axis in ((x0, x1, "half_width", "dx"), (y0, y1, "half_height", "dy")):
        if math.isfinite(low) and math.isfinite(high):
            half[size] = (high - low) / 2
            shift[axis] = shift.get(axis, 0.0) + (high + low) / 2
        elif math.isfinite(low) or math.isfinite(high):
            say(f"open on one side ([{low}, {high}]); read as open on both")
    return Aperture(**half, **shift)


def _ellipse(source: AtElement, say: Say) -> Element:
    half_width, half_height = source.numbers("Axes", 2)
    options = {"shape": "ellipse", **fields_of(source, say)}
    return Aperture(half_width=half_width, half_height=half_height, **options)


def _matrix(source: AtElement, say: Say) -> Element:
    """A linear map of (x, px, y, py, delta, lateness)."""
    if not source.has("M66"):
        return _unknown(source, say)
    theirs = np.reshape(source.numbers("M66", 36), (6, 6), order="F")
    ours = _TURNED @ theirs @ _TURNED.T
    return TaylorMap(ours, length=source.length, **fields_of(source, say))


def _unknown(source: AtElement, say: Say) -> Element:
    if source.method in ("IdentityPass", "DriftPass", "ExactDriftPass"):
        return _place(Marker)(source, say)
    say(f"pass method {source.method}: {NOT_MODELLED}")
    settings = {k: _plain(v) for k, v in source.fields.items() if k not in ("FamName", "Length")}
    fields = fields_of(source, say)
    return Placeholder(source.length, stands_for=source.kind.name, settings=settings, **fields)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _say_rest(source: AtElement, read: set[str], say: Say) -> None:
    """Say which other attributes are not neutral."""
    for name, value in source.fields.items():
        if name in read or value is None or isinstance(value, str):
            continue
        try:
            neutral = not any(source.numbers(name))
            shown = np.array2string(np.asarray(value), precision=6, threshold=6)
        except ValueError:  # no numbers
            neutral, shown = False, clip(repr(value))
        if not neutral:
            say(f"{name} = {' '.join(shown.split())} is left out")


_DIPOLE = {"BendingAngle", "EntranceAngle", "ExitAngle", "FullGap", "FringeInt1", "FringeInt2"}
_DIPOLE |= {"FringeBendEntrance", "FringeBendExit", "gK", "ByError", "K", "H"}
_EDGES = {"FringeQuadEntrance", "FringeQuadExit"}
_Convert = tuple[Callable[[AtElement, Say], Element], set[str]]
#: our coordinates from AT's
_TURNED = np.diag([1.0, 1.0, 1.0, 1.0, -1.0, 1.0])[:, [0, 1, 2, 3, 5, 4]]
#: of pass methods that any class may have
_BY_PASS: dict[str, _Convert] = {
    "EAperturePass": (_ellipse, {"Axes"}),
    "Matrix66Pass": (_matrix, {"M66", "M66Rad"}),
    "SolenoidLinearPass": (solenoid, {"K", *_POLYNOMIALS}),
}
_KINDS: dict[str, _Convert] = {
    "Drift": (_drift, set()),
    "Collimator": (_drift, set()),
    "Marker": (_place(Marker), _POLYNOMIALS),
    "Monitor": (_place(Monitor), {"Scale"}),
    "Aperture": (_aperture, {"Limits"}),
    "RFCavity": (_cavity, {"Voltage", "Frequency", "TimeLag", "Timelag", "PhaseLag"}),
    "Corrector": (corrector, {"KickAngle", "FieldScaling", "Scaling"}),
    "Dipole": (magnet, _POLYNOMIALS | _DIPOLE),
    **dict.fromkeys(
        ("ThinMultipole", "Multipole", "Quadrupole", "Sextupole", "Octupole"),
        (magnet, _POLYNOMIALS | {"K", "H", "BendingAngle", *_EDGES}),
    ),
}

"""Elements of MAD and elegant beyond what pyAT hands on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...elements import CrabCavity, Element, Kicker, RBend, RFCavity, SBend, Solenoid
from ..record import Say

Attributes = Mapping[str, Any]
Complete = Callable[[Element, Attributes, Say], Element]

#: attributes of every element that do not concern tracking
_NEUTRAL = {
    *("l", "type", "at", "from", "name", "slot_id", "assembly_id", "mech_sep", "v_pos", "calib"),
    *("lrad", "group", "magnet", "model", "method", "thick", "comments", "copy", "refpos"),
}


def _as_is(element: Element, attributes: Attributes, say: Say) -> Element:
    return element


@dataclass(frozen=True)
class Kind:
    """A kind of element in a file.

    Attributes:
        read: attributes that are read by pyAT or by `complete`.
        complete: puts back what pyAT left aside.
    """

    read: tuple[str, ...] = ()
    complete: Complete = _as_is

    def restore(self, element: Element, attributes: Attributes, say: Say) -> Element:
        """The element with what the statement says of it; `say` takes what is left out."""
        element = self.complete(element, attributes, say)
        for name, value in attributes.items():
            if name not in _NEUTRAL and name not in self.read and _is_stated(value):
                say(f"{name} = {value} is left out")
        return element


def _is_stated(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_stated, value))
    return value is not None and not (isinstance(value, (float, bool)) and not value)


def _mad_cavity(element: Element, attributes: Attributes, say: Say) -> Element:
    """MAD takes V sin(2 pi lag - omega t) with t ahead: lag 1/2 is stable above transition."""
    lag = float(attributes.get("lag", 0.0))
    assert isinstance(element, RFCavity)
    return dataclasses.replace(element, phase=2 * math.pi * lag)


def _crab(element: Element, attributes: Attributes, say: Say) -> Element:
    """Volts and hertz are in millions."""
    return CrabCavity(
        float(attributes.get("l", 0.0)),
        float(attributes.get("volt", 0.0)) * 1e6,
        frequency=float(attributes.get("freq", 0.0)) * 1e6,
        phase=2 * math.pi * float(attributes.get("lag", 0.0)),
        tilt=float(attributes.get("tilt", 0.0)),
        name=element.name,
    )


def _elegant_cavity(element: Element, attributes: Attributes, say: Say) -> Element:
    """elegant takes V sin(phase + omega t), in degrees: 180 is stable above transition."""
    degrees = float(attributes.get("phase", 0.0))
    frequency = float(attributes.get("freq", 500e6))
    turned = _elegant(element, attributes, say)
    assert isinstance(turned, RFCavity)
    return dataclasses.replace(turned, phase=math.radians(degrees), frequency=frequency)


def _sector(element: Element, attributes: Attributes, say: Say) -> Element:
    """K0 is the field where it is given and not zero."""
    k0 = float(attributes.get("k0", 0.0))
    if not k0 or not isinstance(element, SBend):
        return element
    curvature = _plain(element.angle) / _plain(element.length)
    return dataclasses.replace(element, dk0=k0 - curvature)


def _rectangular(element: Element, attributes: Attributes, say: Say) -> Element:
    """pyAT turns both faces by |angle| / 2, where the sign of the angle belongs."""
    if not isinstance(element, SBend):
        return element
    fields = {f.name: getattr(element, f.name) for f in dataclasses.fields(element)}
    half = abs(_plain(element.angle)) / 2
    fields |= {"e1": element.e1 - half, "e2": element.e2 - half}
    return _sector(RBend(**fields), attributes, say)


def _solenoid(element: Element, attributes: Attributes, say: Say) -> Element:
    length = float(attributes.get("l", 0.0))
    if not length:
        if attributes.get("ks") or attributes.get("ksi"):
            say("a thin solenoid has no counterpart; read as a marker")
        return element
    return Solenoid(length, float(attributes.get("ks", 0.0)), name=element.name)


def _thin(element: Element, attributes: Attributes, say: Say) -> Element:
    knl = attributes.get("knl", ())
    dipole = knl[0] if isinstance(knl, tuple) and knl else (knl or attributes.get("k0l", 0.0))
    if dipole:
        say("its dipole bends the reference orbit in MAD; here it kicks the beam")
    return element


def _two_planes(element: Element, attributes: Attributes, say: Say) -> Element:
    hkick, vkick = (float(attributes.get(k, 0.0)) for k in ("hkick", "vkick"))
    return Kicker(element.length, hkick=hkick, vkick=vkick, model="paraxial", name=element.name)


def _elegant(element: Element, attributes: Attributes, say: Say) -> Element:
    """elegant's TILT rolls the design, that of bends too."""
    tilt = attributes.get("tilt", 0.0)
    return dataclasses.replace(element, tilt=float(tilt), z_rot=0.0) if tilt else element


def _elegant_bend(element: Element, attributes: Attributes, say: Say) -> Element:
    """FINT is 1/2 in elegant where it is not given."""
    element = _elegant(element, attributes, say)
    if isinstance(element, SBend) and attributes.get("hgap") and "fint" not in attributes:
        element = dataclasses.replace(element, fint=0.5, fintx=0.5)
    return element


def _elegant_rectangular(element: Element, attributes: Attributes, say: Say) -> Element:
    return _rectangular(_elegant_bend(element, attributes, say), attributes, say)


def _replace(element: Element, attributes: Attributes, say: Say) -> Element:
    length = attributes.get("l", 0.0)
    say(f"no counterpart; read as {f'a drift of {length:g} m' if length else 'a marker'}")
    return element


def _plain(value: Any) -> float:
    return float(value)


_BEND = ("angle", "e1", "e2", "k1", "k2", "k1s", "hgap", "fint", "fintx", "k0", "tilt", "ktap")
_BOTH = ("tilt", "ktap")
_ORDERS = range(10)

MAD: dict[str, Kind] = {
    "drift": Kind(),
    "marker": Kind(),
    "quadrupole": Kind(("k1", "k1s", *_BOTH)),
    "sextupole": Kind(("k2", "k2s", *_BOTH)),
    "octupole": Kind(("k3", "k3s", *_BOTH)),
    "multipole": Kind(
        ("knl", "ksl", *_BOTH, *(f"k{n}l" for n in _ORDERS), *(f"t{n}" for n in _ORDERS)), _thin
    ),
    "sbend": Kind(_BEND, _sector),
    "rbend": Kind(_BEND, _rectangular),
    "kicker": Kind(("hkick", "vkick", *_BOTH)),
    "tkicker": Kind(("hkick", "vkick"), _two_planes),
    "hkicker": Kind(("kick", *_BOTH)),
    "vkicker": Kind(("kick", *_BOTH)),
    "rfcavity": Kind(("volt", "freq", "harmon", "lag"), _mad_cavity),
    "solenoid": Kind(("ks", "ksi"), _solenoid),
    "monitor": Kind(),
    "hmonitor": Kind(),
    "vmonitor": Kind(),
    "instrument": Kind(),
    "collimator": Kind(),
    **{name: Kind((), _replace) for name in ("rfmultipole", "elseparator")},
    "crabcavity": Kind(("volt", "freq", "lag", "tilt"), _crab),
}

_PLACED = ("tilt", "dx", "dy", "n_slices", "n_kicks")
_LTE_BEND = ("angle", "e1", "e2", "k1", "k2", "k3", "k4", "hgap", "fint", *_PLACED)
ELEGANT: dict[str, Kind] = {
    "drif": Kind(_PLACED, _elegant),
    "mark": Kind(_PLACED, _elegant),
    "kquad": Kind(("k1", *_PLACED), _elegant),
    "ksext": Kind(("k2", *_PLACED), _elegant),
    "kquse": Kind(("k1", "k2", *_PLACED), _elegant),
    "koct": Kind(("k3", *_PLACED), _elegant),
    "mult": Kind(("knl", "order", *_PLACED), _elegant),
    "csbend": Kind(_LTE_BEND, _elegant_bend),
    "rben": Kind(_LTE_BEND, _elegant_rectangular),
    "kicker": Kind(("hkick", "vkick", *_PLACED), _elegant),
    "hkick": Kind(("kick", *_PLACED), _elegant),
    "vkick": Kind(("kick", *_PLACED), _elegant),
    "rfca": Kind(("volt", "freq", "phase", *_PLACED), _elegant_cavity),
    "moni": Kind(_PLACED, _elegant),
    "hmon": Kind(_PLACED, _elegant),
    "vmon": Kind(_PLACED, _elegant),
    "solenoid": Kind(("ks",), _solenoid),
    **{name: Kind((), _replace) for name in ("scraper", "ecol", "rcol", "csrdrif")},
}

"""The battery's tables: a usual value for every knob of every kind of element, and their lines.

Elements are made from their constructor's arguments alone. Knobs have addresses such as "length"
or "knl[1]" within an element, and "q.knl[1]" within a line.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from element_cases import MATRIX, SECOND

import pyjutrack as pj
from pyjutrack.elements import Element, kinds

Numbers = dict[str, Any]

PLACEMENT = {"tilt": 0.13, "dx": 4e-4, "dy": -3e-4, "dz": 2e-3}
PLACEMENT |= {"x_rot": 3e-3, "y_rot": -2e-3, "z_rot": 0.02}
SERIES = {f"knl[{n}]": k for n, k in enumerate((6e-4, 0.12, 3.0))}
SERIES |= {f"ksl[{n}]": k for n, k in enumerate((-4e-4, 0.07, -2.0))}
BEND = {"length": 0.43, "angle": 0.11, "k1": 0.5, "k2": 2.0, "dk0": 2e-3}
BEND |= {"e1": 0.05, "e2": -0.03, "fint": 0.4, "fintx": 0.5, "hgap": 0.02, **SERIES}
CAVITY = {"length": 0.31, "voltage": 2e7, "frequency": 3e8, "phase": 0.4}
FORMS = (
    pj.elements.potentials.Perceptron((3,), (0.01, 0.02), unit=1e-5),
    pj.elements.potentials.Perceptron((2, 2), (0.01, 0.02, 0.05), unit=1e-5),
    pj.elements.potentials.Spline((0.02, 0.02), (8, 8), unit=1e-5),
)


def weights_of(form: Any, factor: float = 1.0) -> torch.Tensor:
    """Usual weights of a form, or a part of the way to them from its start, where H is zero."""
    return form.start() + factor * torch.linspace(-0.6, 0.7, form.count, dtype=torch.float64)


#: a usual value of each of a kind's own knobs
USUAL: dict[str, Numbers] = {
    "Aperture": {},
    "CrabCavity": {**CAVITY, "voltage": 4e5},
    "DipoleEdge": {"h": 0.6, "e1": 0.2, "fint": 0.5, "hgap": 0.02},
    "Drift": {"length": 0.37},
    "HamiltonianKick": {"strength": 0.8, "weights": weights_of(FORMS[0])},
    "Kicker": {"length": 0.2, "hkick": 5e-4, "vkick": -4e-4, **SERIES},
    "Marker": {},
    "Monitor": {"length": 0.12},
    "Multipole": {"length": 0.17, **SERIES},
    "Octupole": {"length": 0.21, "k3": 900.0, "k3s": -700.0, **SERIES},
    "Patch": {},
    "Quadrupole": {"length": 0.23, "k1": 2.2, "k1s": 0.6, **SERIES},
    "RBend": BEND,
    "RFCavity": CAVITY,
    "SBend": BEND,
    "Sextupole": {"length": 0.19, "k2": 25.0, "k2s": -18.0, **SERIES},
    "Solenoid": {"length": 0.33, "ks": 0.5},
    "TaylorMap": {"length": 0.2, "kick[1]": 2e-4, "matrix[1]": 0.3, "second[38]": 0.2},
    "ThinBend": {"angle": 0.11, "h": 0.3, **SERIES},
}
#: optics of lines are asked for: a map that does not see the time
STILL = pj.TaylorMap(**MATRIX, **SECOND).without_rf()
#: what a kind needs besides
NEEDED: dict[str, dict[str, Any]] = {
    "HamiltonianKick": {"potential": FORMS[0]},
    "Aperture": {"half_width": 0.03, "half_height": 0.025},
    "TaylorMap": {n: getattr(STILL, n) for n in ("kick", "matrix", "second")},
}
#: apertures that need more, or less
SHAPES: dict[str, dict[str, Any]] = {
    "octagon": {**NEEDED["Aperture"], "shape": "octagon", "corner_x": 5e-3, "corner_y": 4e-3},
    "rectellipse": {**NEEDED["Aperture"], "shape": "rectellipse", "radius_x": 0.028},
    "polygon": {"shape": "polygon", "vertices": ((0.03, -0.02), (0.0, 0.03), (-0.03, -0.03))},
}
#: fields that are neither knobs nor among a kind's `choices`, and the values tried
OPTIONS: dict[str, tuple[Any, ...]] = {
    "accelerate": (False, True),
    "order": (2, 6),
    "steps": (None, 2),
    "potential": FORMS,
    "half_width": (0.03,),
    "half_height": (0.025,),
    "corner_x": (0.0,),
    "corner_y": (0.0,),
    "radius_x": (0.028,),
    "radius_y": (),
    "vertices": SHAPES["polygon"]["vertices"],
    "smoothing": (0.0, 6e-4),
    "made_at": (None,),
}
ROUNDED = {"shape": "racetrack", "half_width": 3e-3, "half_height": 2e-3}
ROUNDED |= {"corner_x": 1.5e-3, "corner_y": 1e-3}


class Part(NamedTuple):
    """An element of a line, as its constructor takes it."""

    kind: str
    name: str
    values: Numbers
    options: dict[str, Any]

    def element(self) -> Element:
        """A new one."""
        plain: dict[str, Any] = dict(self.options)
        for address, value in self.values.items():
            series, _, place = address.rstrip("]").partition("[")
            if not place:
                plain[series] = value
                continue
            entries = [*plain.get(series, ())]
            entries += [0.0] * (int(place) + 1 - len(entries))
            entries[int(place)] = value
            plain[series] = tuple(entries)
        return kinds()[self.kind](name=self.name, **plain)

    def at(self, values: Mapping[str, Any]) -> Part:
        """With other values at some knobs, by their addresses in the line."""
        own = {a: values.get(f"{self.name}.{a}", v) for a, v in self.values.items()}
        return self._replace(values=own)


Line = tuple[Part, ...]


def own_kinds() -> dict[str, type[Element]]:
    """The package's kinds, without those that tests made, and without placeholders."""
    ours = {n: k for n, k in kinds().items() if k.__module__.startswith("pyjutrack.elements")}
    return {n: k for n, k in ours.items() if k.is_modelled}


def usual(kind: str) -> Numbers:
    """Own knobs and placement."""
    return USUAL[kind] | PLACEMENT


def option_sets(kind: type[Element]) -> Iterator[dict[str, Any]]:
    """Every choice of every option once."""
    needed = NEEDED.get(kind.__name__, {})
    yield dict(needed)
    seen = {f.name: f.default for f in dataclasses.fields(kind)}
    for name, allowed in kind.choices.items():
        for value in allowed:
            if value != seen[name]:
                yield SHAPES.get(value, {**needed, name: value})
    if "accelerate" in seen:
        yield {**needed, "accelerate": True}
    if "order" in seen:
        yield from ({**needed, "order": order, "steps": 2} for order in OPTIONS["order"])
    if "potential" in seen:
        yield from ({**needed, "potential": form} for form in FORMS[1:])
    if "smoothing" in seen:
        yield {**needed, "half_width": 3e-3, "half_height": 2e-3, "smoothing": 6e-4}
        yield {**needed, **ROUNDED, "smoothing": 6e-4}


def part(kind: str, name: str, level: str, options: Mapping[str, Any]) -> Part:
    """An element at zero, small, usual or mixed values.

    Lengths of bends and of waves are never zero, as angles and fields over no length are none.
    """
    extended = "Bend" in kind or "wave" in options.get("focusing", "")
    values: Numbers = {}
    for n, (knob, value) in enumerate(usual(kind).items()):
        if level == "usual":
            factor = 1.0
        elif level in ("even", "odd"):  # every other knob at zero
            factor = float(n % 2 == (level == "odd"))
        else:
            factor = {"zero": 0.0, "small": 1e-3}[level]
        if knob == "length" and (level != "zero" or extended):
            factor = 1.0
        form = isinstance(value, torch.Tensor)
        values[knob] = weights_of(options["potential"], factor) if form else value * factor
    return Part(kind, name, values, dict(options))


#: kinds that stand in one line
GROUPS: dict[str, tuple[str, ...]] = {
    "straight": ("Drift", "Quadrupole", "Sextupole", "Octupole", "Multipole", "Kicker", "Solenoid"),
    "bends": ("SBend", "RBend", "ThinBend", "DipoleEdge"),
    "cavities": ("RFCavity", "CrabCavity"),
    "places": ("Patch", "Marker", "Monitor", "Aperture", "HamiltonianKick", "TaylorMap"),
}


def line_of(group: str, level: str, which: str = "default") -> Line:
    """The kinds of a group between drifts.

    Args:
        which: "default", in their default options; "other", in every other choice of each option.
    """
    parts = [Part("Drift", "in", {"length": 0.11}, {})]
    count = itertools.count()
    for name in GROUPS[group]:
        sets = list(option_sets(own_kinds()[name]))
        for options in sets[:1] if which == "default" else sets[1:]:
            parts.append(part(name, f"e{next(count)}", level, options))
            parts.append(Part("Drift", "", {"length": 0.07}, {}))
    return (*parts, Part("Drift", "out", {"length": 0.29}, {}))


def knobs(line: Line) -> list[str]:
    """Addresses of every knob of the parts that have a name, vectors as a whole."""
    return [f"{p.name}.{a}" for p in line if p.name for a in p.values]


def unit(line: Line, address: str) -> float:
    """A change of a knob that counts."""
    name, _, knob = address.partition(".")
    kind = next(p.kind for p in line if p.name == name)
    value = usual(kind)[knob]
    return 0.5 if isinstance(value, torch.Tensor) else float(abs(value))

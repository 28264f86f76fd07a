"""Elements of this package from those of JuTrack: how they are read, and what all kinds have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....beam.reference import Reference
from ....core.errors import InvalidValueError
from ....elements import Aperture, Drift, Element, TaylorMap
from .frames import matrix, roll_matrix

#: by which matrices and shifts of files may miss to undo each other
_SAME = 1e-12
_MIRROR = np.array([1.0, 1.0, 1.0, 1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Description:
    """A JuTrack element: its type, its name, its fields, and which of them were read.

    Attributes:
        reference: that of the line, which cavities need.
    """

    kind: str
    name: str
    fields: Mapping[str, Any]
    reference: Reference | None = None
    read: set[str] = field(default_factory=set)

    def number(self, name: str) -> float:
        """A number."""
        self.read.add(name)
        return float(self.fields[name])

    def whole(self, name: str) -> int:
        """A whole number."""
        self.read.add(name)
        return int(self.fields[name])

    def array(self, name: str) -> NDArray[np.float64]:
        """An array."""
        self.read.add(name)
        return np.array(self.fields[name], dtype=np.float64)

    def ignore(self, *names: str) -> None:
        """Pass over fields that JuTrack does not use."""
        self.read.update(names)

    def require_reference(self) -> Reference:
        """The reference.

        Raises:
            InvalidValueError: none was given.
        """
        if self.reference is None:
            raise self.refused("counts by the velocity of the reference", "give reference=")
        return self.reference

    def refused(self, why: str, remedy: str = "") -> InvalidValueError:
        """The error that it has something for which there is no place here."""
        end = f"; {remedy}" if remedy else ""
        return InvalidValueError(f"JuTrack's {self.kind} {self.name} {why}{end}")

    def require_all_read(self) -> None:
        """Raise InvalidValueError for a field that does something and was not read."""
        for name, value in self.fields.items():
            if name not in self.read and np.any(np.asarray(value) != 0):
                why = _WHY.get(name, "for which there is no place here")
                raise self.refused(f"has {name}, {why}")


_WHY = {
    "rad": "and radiation is an effect here: set rad=0, and give pj.Radiation to the tracking",
    "len": "and does not use it: set len=0, and put a drift beside it",
    "ByError": "whose effect here is another: give the error to PolynomB of an SBEND",
    "FringeQuadEntrance": "which is of gradients at both ends here, and of quadrupoles alone",
    "FringeQuadExit": "which is of gradients at both ends here, and of quadrupoles alone",
    "ds": "which moves particles back and their path forward: take a DRIFT",
}

Rule = Callable[[Description], Element]
R = TypeVar("R", bound=Rule)
_RULES: dict[str, Rule] = {}


def back(kind: str) -> Callable[[R], R]:
    """Register a function that gives our element for one of JuTrack's of a kind."""

    def register(rule: R) -> R:
        _RULES[kind] = rule
        return rule

    return register


def elements_of(d: Description) -> tuple[Element, ...]:
    """Our elements for one of JuTrack's: itself, and what its ends and apertures are.

    Raises:
        InvalidValueError: there is no such kind here, or no place for what it does.
    """
    if d.kind not in _RULES:
        raise d.refused("has no counterpart here", "pj.julia.Element tracks it with this engine")
    element = _RULES[d.kind](d)
    before, element, after = _ends(d, element)
    openings = _apertures(d)
    d.require_all_read()
    found = (*before, element, *after, *openings)
    useful = [e for e in found if not (isinstance(e, Drift) and e.length == 0)]
    if not useful:
        return (element,)
    if element not in useful:
        useful[0] = replace(useful[0], name=d.name)
    return tuple(useful)


def strip(series: Any) -> tuple[float, ...]:
    """A series without the zeros at its end."""
    values = [float(v) for v in series]
    while values and values[-1] == 0:
        values.pop()
    return tuple(values)


def _ends(d: Description, e: Element) -> tuple[tuple[Element, ...], Element, tuple[Element, ...]]:
    """What is before it, the element with its placement, and what is after it."""
    if "T1" not in d.fields:
        return (), e, ()
    t1, t2, r1, r2 = (d.array(name) for name in ("T1", "T2", "R1", "R2"))
    r1, r2 = (np.eye(6) if not r.any() else r for r in (r1, r2))
    undone = np.allclose(r1 @ r2, np.eye(6), atol=_SAME) and np.allclose(t1, -t2, atol=_SAME)
    angle = float(np.arctan2(r1[0, 2], r1[0, 0]))
    is_roll = np.allclose(r1, np.array(roll_matrix(angle)), atol=_SAME)
    shifts = not t1.any() or (not t1[[1, 3, 4, 5]].any() and e.bend_angle == 0)
    if undone and is_roll and shifts and not (isinstance(e, Drift) and e.length == 0):
        place = {"tilt": angle, "dx": -float(t1[0]), "dy": -float(t1[2])}
        return (), replace(e, **{k: v for k, v in place.items() if v}), ()  # type: ignore[arg-type]
    if isinstance(e, Drift) and e.length == 0:
        return _map(r2 @ r1, r2 @ r1 @ t1 + t2), e, ()
    return _map(r1, r1 @ t1), e, _map(r2, t2)


def _map(rows: NDArray[np.float64], kick: NDArray[np.float64]) -> tuple[Element, ...]:
    """A linear map of JuTrack's coordinates in ours, unless it does nothing."""
    if np.array_equal(rows, np.array(matrix())) and not kick.any():
        return ()
    ours = _MIRROR[:, None] * rows * _MIRROR
    return (TaylorMap(tuple(ours.ravel().tolist()), kick=tuple((_MIRROR * kick).tolist())),)


def _apertures(d: Description) -> tuple[Element, ...]:
    if "RApertures" not in d.fields:
        return ()
    box, axes = d.array("RApertures"), d.array("EApertures")[:2]
    round_: dict[str, Any] = {}
    if (axes > 0).all():  # else JuTrack does not look at them
        round_ = {"half_width": float(axes[0]), "half_height": float(axes[1])}
    ellipse = (Aperture(shape="ellipse", **round_),) if round_ else ()
    if not box.any():
        return ellipse
    low, high = box[[0, 2]], box[[1, 3]]
    both = np.isinf(low) & np.isinf(high)
    if (np.isinf(low) != np.isinf(high)).any() or not (low < high).all():
        raise d.refused("has RApertures that are no opening with a middle", "give both sides")
    half = np.where(both, np.inf, high / 2 - low / 2)
    middle = np.where(both, 0.0, high) / 2 + np.where(both, 0.0, low) / 2
    size: dict[str, Any] = {"half_width": float(half[0]), "half_height": float(half[1])}
    if not middle.any() and round_:
        radii: dict[str, Any] = {
            "radius_x": round_["half_width"],
            "radius_y": round_["half_height"],
        }
        return (Aperture(shape="rectellipse", **size, **radii),)
    place: dict[str, Any] = {"dx": float(middle[0]), "dy": float(middle[1])}
    return (Aperture(**size, **place), *ellipse)

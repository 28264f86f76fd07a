"""Plain numbers from which everything is made anew: a line, a beam, effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import battery_cases as cases
import numpy as np
import torch
from numpy.typing import NDArray

import pyjutrack as pj
from pyjutrack.beam.beam import COORDINATES

Array = NDArray[np.float64]

PROTON = pj.Reference.from_kinetic("proton", 1e9)
SIZES = np.array([1.2e-3, 9e-4, 1e-3, 8e-4, 4e-2, 1.5e-3])
CENTRES = np.array([4e-4, -3e-4, 2e-4, 3e-4, 6e-3, 4e-4])
#: what a knob of the beam is changed by
BEAM_UNITS = {"beam.current": 200.0}
BEAM_UNITS |= {f"beam.{n}": s for n, s in zip(COORDINATES, SIZES, strict=True)}
BEAM_UNITS |= {f"beam.{n}_{p}": 1.0 for n in ("emittance", "beta", "alpha") for p in "xy"}
EFFECT = "effects[0]."


def drawn(level: str = "usual", particles: int = 24, seed: int = 3) -> Array:
    """Coordinates (N, 6) of a beam with all correlations, off the axis.

    At "zero" the centroids and both alpha are zero, at "small" they are a thousandth.
    """
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(particles, 6)) @ (np.eye(6) + 0.2 * draw.normal(size=(6, 6)))
    found = np.asarray(CENTRES + SIZES * np.clip(mixed, -2.5, 2.5))
    if level != "usual":
        factor = {"zero": 0.0, "small": 1e-3}[level]
        for plane in "xy":
            found = moved(found, f"alpha_{plane}", factor * shape(found)[f"alpha_{plane}"])
        found += (factor - 1) * found.mean(0)
    return found


@dataclass(frozen=True)
class Setup:
    """Plain numbers from which everything is made.

    Attributes:
        line: the elements. coordinates: (N, 6). make: new effects of their knobs.
        effects: the knobs' values, by what follows "effects[0]." in their addresses.
    """

    line: cases.Line
    coordinates: Array = field(default_factory=drawn)
    current: float = 150.0
    make: Callable[[Mapping[str, Any]], list[Any]] | None = None
    effects: Mapping[str, Any] = field(default_factory=dict)

    def lattice(self) -> pj.Lattice:
        return pj.Lattice([p.element() for p in self.line])

    def beam(self) -> pj.Beam:
        return pj.Beam.from_array(PROTON, self.coordinates, self.current)

    def made_kicks(self) -> list[Any]:
        return self.make(self.effects) if self.make else []

    def tracked(self) -> tuple[pj.Beam, pj.Beam]:
        """The final and the initial beam."""
        beam = self.beam()
        return pj.track(self.lattice(), beam, effects=self.made_kicks()), beam

    def entrance(self, place: int) -> pj.Beam:
        """The beam at the entrance of a part of the line."""
        beam = self.beam()
        if not place:
            return beam
        upstream = replace(self, line=self.line[:place]).lattice()
        return pj.track(upstream, beam, effects=self.made_kicks())

    def place(self, address: str) -> int:
        """The part of the line up to which a knob changes nothing."""
        name = address.partition(".")[0]
        return next((i for i, p in enumerate(self.line) if p.name == name), 0)

    def at(self, address: str, value: Any) -> Setup:
        """The same with one knob at another value."""
        if address.startswith(EFFECT):
            return replace(self, effects={**self.effects, address.removeprefix(EFFECT): value})
        if address == "beam.current":
            return replace(self, current=value)
        if address.startswith("beam."):
            return replace(self, coordinates=moved(self.coordinates, address[5:], value))
        return replace(self, line=tuple(p.at({address: value}) for p in self.line))

    def value(self, address: str) -> Any:
        """A float or a vector."""
        if address.startswith(EFFECT):
            return self.effects[address.removeprefix(EFFECT)]
        if address == "beam.current":
            return self.current
        if address.startswith("beam."):
            return shape(self.coordinates)[address[5:]]
        name, _, knob = address.partition(".")
        return next(p.values[knob] for p in self.line if p.name == name)

    def unit(self, address: str) -> float:
        """A change of a knob that counts."""
        if address.startswith(("beam.emittance", "beam.beta")):
            return float(self.value(address))
        if address.startswith(EFFECT):
            return 0.5 if isinstance(self.value(address), torch.Tensor) else 1.0
        if address in BEAM_UNITS:
            return BEAM_UNITS[address]
        return cases.unit(self.line, address)

    def knobs(self) -> list[str]:
        """Of the line and the effects."""
        return [*cases.knobs(self.line), *(EFFECT + a for a in self.effects)]


class Change(NamedTuple):
    """A setup with one knob at another value, the knob, and the part of the line it belongs to."""

    setup: Setup
    address: str
    place: int


def stacked(setup: Setup, changes: Sequence[Change]) -> list[tuple[pj.Beam, pj.Beam]]:
    """The final and the initial beam of each change, without effects.

    What enters a changed part is tracked once, the changed parts one by one, and all that comes out
    of them together through what is downstream; where the reference is another, on its own.
    """
    found: list[Any] = [None] * len(changes)
    for place in sorted({c.place for c in changes}):
        here = [i for i, c in enumerate(changes) if c.place == place]
        entering = setup.entrance(place)
        middles = {}
        for i in here:
            changed = changes[i].setup
            own = replace(changed, line=changed.line[place : place + 1]).lattice()
            middles[i] = pj.track(own, changed.beam() if place == 0 else entering)
        rest = setup.line[place + 1 :]
        alone = [i for i in here if middles[i].reference != middles[here[0]].reference]
        for group in ([i for i in here if i not in alone], *([i] for i in alone)):
            ends = _together([middles[i] for i in group], replace(setup, line=rest))
            for i, end in zip(group, ends, strict=True):
                found[i] = (end, changes[i].setup.beam())
    return found


def _together(beams: Sequence[pj.Beam], setup: Setup) -> list[pj.Beam]:
    if not setup.line:
        return list(beams)
    rows = {n: [getattr(b, n) for b in beams] for n in ("coordinates", "alive", "weights")}
    joined = {n: None if r[0] is None else torch.cat(r) for n, r in rows.items()}
    end = pj.track(setup.lattice(), beams[0].replace(**joined))
    cut = {n: getattr(end, n) for n in rows}
    split = {
        n: [None] * len(beams) if t is None else t.split(len(rows["alive"][0]))
        for n, t in cut.items()
    }
    return [end.replace(**{n: parts[k] for n, parts in split.items()}) for k in range(len(beams))]


def lowest(address: str) -> float:
    """Below which the package refuses a value."""
    low = address.endswith((".length", ".perveance_scale")) or address == "beam.current"
    return 0.0 if low else -np.inf


def shape(coordinates: Array) -> dict[str, float]:
    """Centroids, and emittance, beta and alpha of both planes."""
    found = dict(zip(COORDINATES, coordinates.mean(0).tolist(), strict=True))
    for plane, i in (("x", 0), ("y", 2)):
        (uu, up), (_, pp) = np.cov(coordinates[:, i : i + 2].T, bias=True)
        emittance = np.sqrt(uu * pp - up * up)
        found[f"emittance_{plane}"] = float(emittance)
        found[f"beta_{plane}"], found[f"alpha_{plane}"] = uu / emittance, -up / emittance
    return found


def moved(coordinates: Array, knob: str, value: float) -> Array:
    """A beam with another centroid, or another ellipse, of normalised coordinates that stay."""
    c, now = coordinates.copy(), shape(coordinates)
    if knob in COORDINATES:
        c[:, COORDINATES.index(knob)] += value - now[knob]
        return c
    name, _, plane = knob.partition("_")
    i = 0 if plane == "x" else 2
    eps, beta, alpha = (now[f"{n}_{plane}"] for n in ("emittance", "beta", "alpha"))
    u, p = (c[:, k] - c[:, k].mean() for k in (i, i + 1))
    a, b = u / np.sqrt(eps * beta), (beta * p + alpha * u) / np.sqrt(eps * beta)
    new = {"emittance": eps, "beta": beta, "alpha": alpha} | {name: value}
    eps, beta, alpha = new["emittance"], new["beta"], new["alpha"]
    c[:, i] += np.sqrt(eps * beta) * a - u
    c[:, i + 1] += np.sqrt(eps / beta) * (b - alpha * a) - p
    return c


#: of longer vectors only as many entries are compared
_ENTRIES = 8


def entries(value: torch.Tensor) -> list[int]:
    """Those of a vector that are compared: all, or as many all over it."""
    return sorted({n * len(value) // _ENTRIES for n in range(_ENTRIES)} & set(range(len(value))))


def labels(setup: Setup, wrt: Sequence[str]) -> list[str]:
    """A name for every slope: vectors count with their entries."""
    found = []
    for address in wrt:
        value = setup.value(address)
        several = isinstance(value, torch.Tensor)
        found += [f"{address}[{i}]" for i in entries(value)] if several else [address]
    return found


def picked(setup: Setup, wrt: Sequence[str], slopes: Any) -> Array:
    """The slopes, (K, ...), of those entries."""
    keep, at = [], 0
    for address in wrt:
        value = setup.value(address)
        several = isinstance(value, torch.Tensor)
        keep += [at + i for i in entries(value)] if several else [at]
        at += len(value) if several else 1
    slopes = np.asarray(slopes)
    assert len(slopes) == at
    return np.asarray(slopes[keep])

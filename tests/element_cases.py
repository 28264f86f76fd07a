"""The cases of the element battery: every kind and model, at regular and at singular parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

import pyjutrack as pj
from pyjutrack.elements import Magnet
from pyjutrack.elements.part import WHOLE, Part
from pyjutrack.elements.placement import advance
from pyjutrack.maps.state import State

PROTON = pj.Reference.from_kinetic("proton", 1e9)
Along = Callable[[Tensor], Tensor]
Hamiltonian = Callable[..., Tensor]
SYMPLECTIC = torch.block_diag(*3 * [torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)])


def square_root(c: Tensor) -> Tensor:
    """-(momentum along s), exactly."""
    _, px, _, py, _, delta = c
    return -((1 + delta) ** 2 - px**2 - py**2).sqrt()


def expanded(c: Tensor) -> Tensor:
    """-(momentum along s), to second order."""
    _, px, _, py, _, delta = c
    return (px**2 + py**2) / (2 * (1 + delta)) - (1 + delta)


def energy(delta: Tensor) -> Tensor:
    """E / (P0 c beta0): conjugate to z = -beta c (t - t0) through the time of the reference."""
    return ((1 + delta) ** 2 + 1 / PROTON.beta_gamma**2).sqrt() / PROTON.beta


def drifting(along: Along) -> Hamiltonian:
    return lambda c, length: along(c) + energy(c[5])


def multipoles(along: Along) -> Hamiltonian:
    """Strengths k0, k1, ... and skew ones, per metre, as far as there are."""

    def h(c: Tensor, length: Any, **k: Any) -> Tensor:
        w = torch.complex(c[0], c[2])
        total = along(c) + energy(c[5])
        for name, strength in k.items():
            order = int(name[1]) + 1
            skew = 1j if name.endswith("s") else 1.0
            total = total + (skew * strength * w**order / math.factorial(order)).real
        return total

    return h


def bending(along: Along, curved_gradient: float) -> Hamiltonian:
    def h(c: Tensor, length: Any, angle: Any, k1: Any = 0.0, k2: Any = 0.0, dk0: Any = 0) -> Tensor:
        x, y, curve = c[0], c[2], angle / length
        # the paraxial Hamiltonian has the curvature only with what is left along s at no slope
        straight = along(c) * (1 + curve * x) if curved_gradient else along(c)
        turned = 0.0 if curved_gradient else -curve * x * (1 + c[5])
        dipole = (curve + dk0) * (x + curve * x**2 / 2)
        gradient = (
            k1 * (x**2 - y**2) / 2 + curved_gradient * curve * k1 * (2 * x**3 - 3 * x * y**2) / 6
        )
        return straight + turned + energy(c[5]) + dipole + gradient + k2 * (x**3 / 6 - x * y**2 / 2)

    return h


def in_solenoid(c: Tensor, length: Any, ks: Any) -> Tensor:
    x, px, y, py, _, delta = c
    kinetic = (px + ks * y / 2) ** 2 + (py - ks * x / 2) ** 2
    return -((1 + delta) ** 2 - kinetic).sqrt() + energy(delta)


def in_wave(c: Tensor, length: Any, voltage: Any, frequency: Any, phase: Any) -> Tensor:
    """A wave that runs with the reference, without ends."""
    x, _, y, _, z, delta = c
    p0c = float(PROTON.p0c)
    wavenumber = frequency * 2 * math.pi / 299_792_458
    late = -z * energy(delta) * PROTON.beta / (1 + delta)
    u = (wavenumber / PROTON.beta_gamma) ** 2 / 4 * (x * x + y * y)
    off_axis = sum(u**n / math.factorial(n) ** 2 for n in range(6))  # I_0, smooth at r = 0
    gradient = voltage / (length * p0c)
    wave = -(gradient / wavenumber) * (phase + wavenumber * late).cos() * off_axis
    return expanded(c) + energy(delta) + wave


def in_standing_wave(c: Tensor, length: Any, voltage: Any, **wave: Any) -> Tensor:
    """With the mean force of another one that runs against it."""
    x, _, y, _, _, delta = c
    slow = 1 / PROTON.gamma**2
    pull = voltage / (length * PROTON.p0c * PROTON.beta)
    force = pull * pull / 8 * (1 - slow + 0.75 * slow * slow)
    squares = force * (x * x + y * y) / (2 * (1 + delta))
    return in_wave(c, length, voltage, **wave) + squares


class Case(NamedTuple):
    """An element as a function of its parameters, and what is known of its map."""

    label: str
    kind: type[pj.Element]
    parameters: dict[str, float] = {}  # noqa: RUF012
    options: dict[str, Any] = {}  # noqa: RUF012
    #: per metre, which the map should solve
    hamiltonian: Hamiltonian | None = None
    #: the method's own error, where it is not exact
    solved_to: float = 3e-12
    #: parameters of the element that leads back when motion is mirrored in time
    mirrored: Callable[..., dict[str, Any]] | None = None
    reversed_to: float = 4e-15
    #: slices make up the whole
    divisible: bool = True

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(self.parameters.values())

    def element(self, *values: float | Tensor) -> pj.Element:
        named: dict[str, Any] = dict(zip(self.parameters, values or self.values, strict=True))
        return build(self.kind, named, self.options)

    def mirror(self) -> pj.Element:
        named = self.parameters | (self.mirrored(**self.parameters) if self.mirrored else {})
        for name in ("dz", "x_rot", "y_rot"):
            if name in named:
                named[name] = -named[name]
        return build(self.kind, named, self.options)

    def push(self, c: Tensor, *values: float | Tensor) -> Tensor:
        """Coordinates (..., 6) to coordinates (..., 6)."""
        return move(self.element(*values), c)


def build(kind: type[pj.Element], named: dict[str, Any], options: dict[str, Any]) -> pj.Element:
    """Entries such as "knl1" make up a series, over that of the options; steps are few."""
    plain: dict[str, Any] = {"steps": kind.fewest} if issubclass(kind, Magnet) else {}
    plain |= options
    for name, value in named.items():
        series, place = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz_")
        if series not in kind.series:
            plain[name] = value
            continue
        before = plain.get(series, getattr(kind, series, ()))
        missing = (0.0,) * (int(place) + 1 - len(before))
        entries = [*before, *missing]
        entries[int(place)] = value
        plain[series] = tuple(entries)
    return kind(**plain)


def move(element: pj.Element, c: Tensor, part: Part = WHOLE, alive: Any = None) -> Tensor:
    single = c.dim() == 1
    c = c.unsqueeze(0) if single else c
    alive = torch.ones(c.shape[:-1], dtype=torch.bool) if alive is None else torch.as_tensor(alive)
    state = advance(element, State(tuple(c.unbind(-1)), alive), PROTON, part)
    out = torch.stack(state.coordinates, dim=-1)
    return out.squeeze(0) if single else out


def learned(form: Any) -> dict[str, Any]:
    """A form with some weights."""
    draw = torch.Generator().manual_seed(3)
    weights = form.start() + torch.randn(form.count, generator=draw, dtype=torch.float64)
    return {"potential": form, "weights": weights}


SPLINE = learned(pj.elements.potentials.Spline((0.04, 0.03), (10, 12), unit=1e-5))
PERCEPTRON = learned(pj.elements.potentials.Perceptron((5, 4), (0.01, 0.02), unit=1e-5))
IN_TIME = learned(pj.elements.potentials.Perceptron((4,), (0.01, 0.02, 0.05), unit=1e-5))
EXACT, PARAXIAL = {"model": "exact"}, {"model": "paraxial"}
LINEAR = {"model": "linear"}
PLACED = {"dx": 1e-3, "dy": -2e-3, "dz": 3e-3, "x_rot": 4e-3, "y_rot": -6e-3, "z_rot": 0.02}
STRENGTHS = {f"knl{n}": k for n, k in enumerate((2e-3, 0.6, -20.0, 900.0))}
STRENGTHS |= {f"ksl{n}": k for n, k in enumerate((-1e-3, 0.4, 15.0, -700.0))}
NO_EDGES = {"edges": "none"}
BEND = {"length": 0.9, "angle": 0.4}
FULL_BEND = {**BEND, "k1": 0.7, "k2": 3.0, "dk0": 0.05}
FACES = {"e1": 0.15, "e2": -0.05, "fint": 0.4, "fintx": 0.6, "hgap": 0.02}
CAVITY = {"voltage": 2e7, "frequency": 3e8, "phase": 0.4}
UNENDED = {"ends": "none", "steps": 5}


def swapped(
    e1: float = 0.0, e2: float = 0.0, fint: float = 0.0, fintx: float = 0.0, **_: float
) -> dict[str, float]:
    return {"e1": e2, "e2": e1, "fint": fintx, "fintx": fint}


def has_fringes(element: Any) -> bool:
    return element.edges == "exact" or (element.edges == "auto" and element.model == "exact")


def quadrupole(label: str, length: float, k1: float) -> Case:
    parameters = {"length": length, "k1": k1}
    return Case(label, pj.Quadrupole, parameters, {}, multipoles(expanded))


def bend(label: str, kind: Any, parameters: Any, options: Any = None, *solved: Any) -> Case:
    options = options or {}
    element = build(kind, parameters, options)
    # the fringe's generating function takes y after the face at the exit as at the entrance: to
    # fourth order in the coordinates it is not symmetric in time, here as in other codes
    fringes = has_fringes(element) and element.angle != 0
    symmetric = 1e-7 if fringes else 4e-15
    return Case(label, kind, parameters, options, *solved, mirrored=swapped, reversed_to=symmetric)


def matrix_of(seed: int, size: float) -> dict[str, Any]:
    """A symplectic matrix, the exponential of S A with A symmetric, and a kick."""
    draw = np.random.default_rng(seed)
    a = size * draw.normal(size=(6, 6))
    r = scipy.linalg.expm(SYMPLECTIC.numpy() @ (a + a.T))
    return {"matrix": tuple(r.ravel().tolist()), "kick": tuple(draw.normal(0, 1e-4, 6).tolist())}


MATRIX = matrix_of(5, 0.1)
SECOND = {"second": tuple(np.random.default_rng(6).normal(0, 0.1, 216).tolist())}


def mapped(label: str, parameters: dict[str, float], options: dict[str, Any]) -> Case:
    return Case(label, pj.TaylorMap, {"length": 0.2, **parameters}, {**MATRIX, **options})


def kicked(label: str, options: dict[str, Any], placed: Any = None) -> Case:
    parameters = {"strength": 1.3, **(placed or {})}
    return Case(label, pj.HamiltonianKick, parameters, options, divisible=False)


CASES = [
    Case("drift", pj.Drift, {"length": 0.7}, {}, drifting(square_root)),
    kicked("spline", SPLINE),
    kicked("perceptron", PERCEPTRON),
    kicked("spline-placed", SPLINE, {"tilt": 0.1, **PLACED}),
    Case("drift-long", pj.Drift, {"length": 30.0}, {}, drifting(square_root)),
    Case("drift-back", pj.Drift, {"length": -0.7}, {}, drifting(square_root)),
    Case("drift-zero", pj.Drift, {"length": 0.0}, {}, drifting(square_root)),
    Case("drift-placed", pj.Drift, {"length": 0.7, **PLACED}, {}, drifting(square_root)),
    Case("paraxial", pj.Drift, {"length": 0.7}, PARAXIAL, drifting(expanded)),
    Case("paraxial-zero", pj.Drift, {"length": 0.0}, PARAXIAL, drifting(expanded)),
    quadrupole("quad", 0.1, 29.6),
    quadrupole("quad-negative", 0.1, -29.6),
    quadrupole("quad-strong", 1.1, 5.0),
    quadrupole("quad-off", 0.3, 0.0),
    quadrupole("quad-faint", 0.3, 1e-10),
    quadrupole("quad-zero", 0.0, 29.6),
    Case("quad-placed", pj.Quadrupole, {"length": 0.3, "k1": 4.0, "tilt": 0.1, **PLACED}),
    Case(
        "quad-skew",
        pj.Quadrupole,
        {"length": 0.3, "k1": 2.0, "k1s": 1.0},
        {"steps": 8, "order": 6},
        multipoles(expanded),
        1e-7,
    ),
    Case(
        "quad-errors",
        pj.Quadrupole,
        {"length": 0.3, "k1": 2.0, "knl0": 1e-4, "knl2": 0.3, "ksl1": 0.02},
    ),
    Case(
        "quad-fringe",
        pj.Quadrupole,
        {"length": 0.3, "k1": 4.0, "knl2": 0.3},
        {"fringe": "hard-edge"},
    ),
    Case(
        "quad-fringe-skew",
        pj.Quadrupole,
        {"length": 0.3, "k1": 4.0, "k1s": -3.0, "ksl1": 0.1, **PLACED, "tilt": 0.2},
        {"fringe": "hard-edge", **EXACT},
    ),
    Case("quad-fringe-zero", pj.Quadrupole, {"length": 0.0, "k1": 9.0}, {"fringe": "hard-edge"}),
    Case(
        "integrator",
        pj.Quadrupole,
        {"length": 0.1, "k1": 3.0},
        {**EXACT, "steps": 2},
        multipoles(square_root),
        1e-5,
    ),
    Case(
        "integrator-paraxial",
        pj.Quadrupole,
        {"length": 0.1, "k1": -3.0},
        {**PARAXIAL, "steps": 2},
        multipoles(expanded),
        1e-5,
    ),
    Case(
        "integrator-off",
        pj.Quadrupole,
        {"length": 0.3, "k1": 0.0},
        {**EXACT, "steps": 1},
        multipoles(square_root),
    ),
    Case("integrator-zero", pj.Quadrupole, {"length": 0.0, "k1": 3.0}, EXACT),
    Case(
        "sextupole",
        pj.Sextupole,
        {"length": 0.2, "k2": 300.0, "k2s": -100.0},
        {"steps": 4},
        multipoles(square_root),
        1e-6,
    ),
    Case(
        "sextupole-paraxial",
        pj.Sextupole,
        {"length": 0.2, "k2": 300.0, "knl0": 1e-4, "ksl1": 0.1, **PLACED, "tilt": 0.2},
        {**PARAXIAL, "order": 2},
    ),
    Case("sextupole-off", pj.Sextupole, {"length": 0.2, "k2": 0.0, "k2s": 0.0}),
    Case(
        "octupole",
        pj.Octupole,
        {"length": 0.2, "k3": 2e4, "k3s": -1e4},
        {"steps": 4},
        multipoles(square_root),
        1e-6,
    ),
    Case(
        "octupole-paraxial",
        pj.Octupole,
        {"length": 0.2, "k3": 2e4, "knl1": 0.1, "ksl0": 1e-4, **PLACED, "tilt": -0.2},
        {**PARAXIAL, "order": 6},
    ),
    Case("multipole", pj.Multipole, STRENGTHS),
    Case("multipole-off", pj.Multipole, dict.fromkeys(STRENGTHS, 0.0)),
    Case("multipole-none", pj.Multipole),
    Case("multipole-thick", pj.Multipole, {"length": 0.3, **STRENGTHS, **PLACED, "tilt": 0.1}),
    Case("multipole-paraxial", pj.Multipole, {"length": 0.3, **STRENGTHS}, PARAXIAL),
    Case("kicker", pj.Kicker, {"length": 0.0, "hkick": 2e-3, "vkick": -1e-3}),
    Case(
        "kicker-thick",
        pj.Kicker,
        {"length": 0.4, "hkick": 2e-3, "vkick": -1e-3, "knl1": 0.1, "ksl2": 3.0, **PLACED}
        | {"tilt": 0.3},
        PARAXIAL,
    ),
    bend("sbend", pj.SBend, BEND, NO_EDGES, bending(square_root, 1.0)),
    bend("sbend-strong", pj.SBend, {"length": 0.6, "angle": 1.3}, NO_EDGES),
    bend("sbend-off", pj.SBend, {"length": 0.9, "angle": 0.0}, {}, bending(square_root, 1.0)),
    bend("sbend-faint", pj.SBend, {"length": 0.9, "angle": 1e-9}, {}, bending(square_root, 1.0)),
    bend(
        "sbend-unbent", pj.SBend, {**BEND, "dk0": -0.4 / 0.9}, NO_EDGES, bending(square_root, 1.0)
    ),
    bend(
        "sbend-field-only",
        pj.SBend,
        {"length": 0.9, "angle": 0.0, "dk0": 0.4},
        NO_EDGES,
        bending(square_root, 1.0),
    ),
    bend(
        "sbend-combined",
        pj.SBend,
        FULL_BEND,
        {**NO_EDGES, "order": 6, "steps": 6},
        bending(square_root, 1.0),
        1e-7,
    ),
    bend("sbend-faces", pj.SBend, {**FULL_BEND, **FACES}),
    bend("sbend-placed", pj.SBend, {**BEND, **FACES, **PLACED, "tilt": 0.3}),
    bend("sbend-errors", pj.SBend, {**BEND, "knl0": 1e-3, "knl1": 0.1, "ksl2": 0.4}),
    bend("sbend-linear", pj.SBend, BEND, LINEAR | NO_EDGES, bending(expanded, 0.0)),
    bend(
        "sbend-linear-gradient",
        pj.SBend,
        {**BEND, "k1": -1.9, "dk0": 0.02},
        LINEAR | NO_EDGES,
        bending(expanded, 0.0),
    ),
    bend("sbend-linear-faces", pj.SBend, {**FULL_BEND, **FACES}, LINEAR | {"edges": "linear"}),
    bend("sbend-linear-fringe", pj.SBend, {**BEND, **FACES}, {**LINEAR, "edges": "exact"}),
    bend(
        "sbend-paraxial",
        pj.SBend,
        {**BEND, "k1": 0.7, "k2": 3.0, "dk0": 0.02},
        {**PARAXIAL, **NO_EDGES, "order": 6, "steps": 6},
        bending(expanded, 0.0),
        2e-7,
    ),
    bend("sbend-paraxial-faces", pj.SBend, {**FULL_BEND, **FACES}, PARAXIAL),
    bend("rbend", pj.RBend, {**BEND, **FACES, "k1": 0.3, "k2": 1.0, "dk0": 0.01}),
    bend("rbend-off", pj.RBend, {"length": 0.9, "angle": 0.0, "e1": 0.0, "e2": 0.0}),
    bend("rbend-linear", pj.RBend, BEND, {**LINEAR, "edges": "linear"}),
    bend("rbend-linear-bare", pj.RBend, BEND, LINEAR | NO_EDGES, bending(expanded, 0.0)),
    bend("rbend-paraxial", pj.RBend, {**BEND, "knl2": 1.0, "ksl1": 0.1, **PLACED}, PARAXIAL),
    bend("rbend-placed", pj.RBend, {**BEND, **PLACED, "tilt": -0.3}, {"edges": "exact"}),
    Case("thin-bend", pj.ThinBend, {"angle": 0.1, "h": 0.3, **STRENGTHS}),
    Case("thin-bend-straight", pj.ThinBend, {"angle": 0.0, "h": 0.0}),
    Case("thin-bend-placed", pj.ThinBend, {"angle": 0.1, "h": 0.0, **PLACED, "tilt": 0.3}),
    Case("edge", pj.DipoleEdge, {"h": 0.6, "e1": 0.2, "fint": 0.5, "hgap": 0.02}),
    Case("edge-off", pj.DipoleEdge, {"h": 0.0, "e1": 0.0}),
    Case("edge-placed", pj.DipoleEdge, {"h": -0.6, "e1": 0.2, **PLACED, "tilt": 0.3}),
    *(
        Case(
            f"solenoid-{ks:g}",
            pj.Solenoid,
            {"length": 0.8, "ks": ks},
            {},
            in_solenoid,
            mirrored=lambda ks, **_: {"ks": -ks},
        )
        for ks in (0.6, -2.5, 0.0, 1e-9)
    ),
    Case(
        "solenoid-placed",
        pj.Solenoid,
        {"length": 0.8, "ks": 0.6, **PLACED, "tilt": 0.1},
        mirrored=lambda ks, **_: {"ks": -ks},
    ),
    *(
        Case(label, kind, parameters, mirrored=turned, divisible=not length)
        for kind, name, turned in (
            (pj.RFCavity, "cavity", lambda phase, **_: {"phase": -phase}),
            (pj.CrabCavity, "crab", lambda phase, **_: {"phase": math.pi - phase}),
        )
        for length, label, parameters in (
            (0.0, name, {"length": 0.0, **CAVITY}),
            (0.3, f"{name}-thick", {"length": 0.3, **CAVITY, **PLACED, "tilt": 0.5}),
            (0.0, f"{name}-off", {"length": 0.0, **CAVITY, "voltage": 0.0}),
            (0.0, f"{name}-static", {"length": 0.0, **CAVITY, "frequency": 0.0}),
        )
    ),
    *(
        Case(
            f"cavity-{label}",
            pj.RFCavity,
            {"length": 0.4, **CAVITY, **placed},
            {"focusing": focusing, **options},
            *solved,
            mirrored=lambda phase, **_: {"phase": -phase},
            divisible=focusing != "gap",
        )
        for label, focusing, options, placed, solved in (
            ("gap", "gap", {}, {}, ()),
            ("travelling", "travelling-wave", UNENDED, {}, (in_wave, 5e-7)),
            ("standing", "standing-wave", UNENDED, {}, (in_standing_wave, 5e-7)),
            ("standing-placed", "standing-wave", {"steps": 2}, {**PLACED, "tilt": 0.5}, ()),
            ("travelling-off", "travelling-wave", {"steps": 1}, {"voltage": 0.0}, ()),
            ("standing-static", "standing-wave", {"steps": 1}, {"frequency": 0.0}, ()),
        )
    ),
    Case("monitor", pj.Monitor, {"length": 0.0, **PLACED, "tilt": 0.1}),
    Case("monitor-long", pj.Monitor, {"length": 0.2}, {}, drifting(square_root)),
    Case("marker", pj.Marker),
    Case("marker-placed", pj.Marker, {**PLACED, "tilt": 0.1}),
    Case("patch-none", pj.Patch),
    Case("taylor-none", pj.TaylorMap),
    *(
        Case(f"aperture-{shape}", pj.Aperture, {**PLACED, "tilt": 0.1}, {"shape": shape, **size})
        for shape, size in (
            ("rectangle", {"half_width": 0.05, "half_height": 0.04}),
            ("ellipse", {"half_width": 0.05, "half_height": 0.04}),
            ("racetrack", {"half_width": 0.05, "half_height": 0.04, "corner_x": 0.02}),
            ("octagon", {"half_width": 0.05, "half_height": 0.04, "corner_x": 0.02}),
            ("rectellipse", {"half_width": 0.05, "half_height": 0.04, "radius_x": 0.05}),
            ("polygon", {"vertices": ((0.05, -0.04), (0.06, 0.06), (0.0, 0.04), (-0.1, -0.05))}),
        )
    ),
]

#: no motion mirrored in time leads back through the same kind
ONE_WAY = [
    mapped("taylor", {"kick1": 2e-3, "matrix1": 0.3, "matrix34": 0.1}, {}),
    mapped("taylor-off", {"kick1": 0.0, "matrix1": 0.0, "second12": 0.0}, SECOND),
    mapped("taylor-placed", {"matrix8": 0.2, **PLACED, "tilt": 0.1}, {"variables": "t pt"}),
    mapped("taylor-second", {"second7": 0.3, "second215": 0.2, "kick5": 1e-3}, SECOND),
    mapped("taylor-in-time", {"second7": 0.3, "second179": 0.2}, {**SECOND, "variables": "t pt"}),
    mapped("taylor-zeta", {"kick4": 1e-3, "matrix29": 0.1}, {"variables": "zeta pzeta"}),
    Case("patch", pj.Patch, {**PLACED, "tilt": 0.1}, divisible=False),
    kicked("perceptron-in-time", IN_TIME),
    *(
        Case(
            f"cavity-{end}",
            pj.RFCavity,
            {"length": 0.4, **CAVITY},
            {"focusing": "standing-wave", "ends": end, "steps": 2},
            divisible=False,
        )
        for end in ("entrance", "exit")
    ),
]

#: those that are programs: potentials that are learned are no operations
FUSED = [c for c in CASES + ONE_WAY if c.kind is not pj.HamiltonianKick or c.options is SPLINE]


def points(count: int = 5, seed: int = 0) -> Tensor:
    """Off-axis, off-momentum particles (count, 6), the last one on the axis."""
    size = torch.tensor([8e-3, 1e-2, 8e-3, 1e-2, 0.1, 0.05], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    c = (2 * torch.rand(count, 6, generator=generator, dtype=torch.float64) - 1) * size
    c[-1] = 0.0
    return c


def beam_of(*rows: list[float], reference: pj.Reference = PROTON) -> pj.Beam:
    return pj.Beam(reference, torch.tensor(rows, dtype=torch.float64))


def by_equations_of_motion(
    hamiltonian: Hamiltonian, start: Tensor, length: float, **parameters: float
) -> np.ndarray:
    """Hamilton's equations, with the gradient of H by autograd, by an 8th-order integrator."""

    def rates(_: float, c: np.ndarray) -> np.ndarray:
        leaf = torch.tensor(c, requires_grad=True)
        (slope,) = torch.autograd.grad(hamiltonian(leaf, length, **parameters), leaf)
        return (SYMPLECTIC @ slope).numpy()

    found = solve_ivp(rates, (0, length), start.numpy(), method="DOP853", rtol=1e-12, atol=1e-15)
    return found.y[:, -1]

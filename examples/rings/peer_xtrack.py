"""The same lattice in xtrack, with the same Hamiltonians.

xtrack's zeta = s - beta0 c t is our z times beta0 / beta(delta). It displaces elements about a
point of the orbit, pitches upwards, and rolls the frame with `rot_s_rad`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np

import pyjutrack as pj
from pyjutrack.elements import Bend, CrabCavity, Element, Magnet

_INTEGRATORS = {2: ("uniform", 1), 4: ("yoshida-4", 3), 6: ("yoshida-6", 7)}
_STRAIGHT = {
    "linear": "mat-kick-mat",
    "exact": "drift-kick-drift-exact",
    "paraxial": "drift-kick-drift-expanded",
}
_BENDS = {**_STRAIGHT, "exact": "bend-kick-bend"}
#: the hard edge of the dipole alone; xtrack's "full" adds those of higher multipoles
_EDGES = {"exact": "dipole-only", "linear": "linear", "none": "suppressed"}


def to_line(elements: Sequence[Element], reference: pj.Reference) -> Any:
    """An xtrack line, one element for each of ours."""
    import xtrack

    line = xtrack.Line(elements=[to_xtrack(element) for element in elements])
    line.particle_ref = particles(np.zeros((1, 6)), reference)
    line.build_tracker()
    return line


def particles(coordinates: np.ndarray, reference: pj.Reference) -> Any:
    """xtrack's particles at our coordinates (N, 6)."""
    import xtrack

    x, px, y, py, z, delta = coordinates.T
    return xtrack.Particles(
        p0c=reference.p0c,
        mass0=reference.species.mass,
        q0=reference.species.charge,
        **{"x": x, "px": px, "y": y, "py": py, "delta": delta},
        zeta=z / _velocity(delta, reference),
    )


def coordinates(them: Any, reference: pj.Reference) -> np.ndarray:
    """Our coordinates (N, 6) of xtrack's particles, in the order in which they were made."""
    order = np.argsort(them.particle_id)
    columns = [them.x, them.px, them.y, them.py, them.zeta, them.delta]
    ours = np.stack(columns, axis=1)[order]
    ours[:, 4] *= _velocity(ours[:, 5], reference)
    return ours


def track(line: Any, start: np.ndarray, reference: pj.Reference, **options: Any) -> np.ndarray:
    """Our coordinates (N, 6) after a line, or a part of it from `ele_start` to `ele_stop`."""
    them = particles(start, reference)
    line.track(them, **options)
    if not np.all(them.state > 0):
        raise RuntimeError(f"xtrack lost particles, states {them.state}")
    return coordinates(them, reference)


def _velocity(delta: np.ndarray, reference: pj.Reference) -> np.ndarray:
    """beta / beta0."""
    total = 1 + delta
    return total * reference.gamma / np.hypot(1.0, total * reference.beta_gamma)


@singledispatch
def to_xtrack(element: Element) -> Any:
    """An element of ours as one of xtrack.

    Raises:
        NotImplementedError: xtrack has none with the same map.
    """
    raise NotImplementedError(f"xtrack has no {type(element).__name__}")


@to_xtrack.register
def _(element: pj.Drift) -> Any:
    import xtrack

    model = "exact" if element.model == "exact" else "expanded"
    return xtrack.Drift(length=element.length, model=model)


@to_xtrack.register(pj.Marker)
@to_xtrack.register(pj.Monitor)
def _(element: Any) -> Any:
    import xtrack

    if element.length == 0:
        return xtrack.Marker()
    return xtrack.Drift(length=element.length, model="exact")


@to_xtrack.register
def _(element: pj.Quadrupole) -> Any:
    import xtrack

    # theirs is the same to third order in the amplitude, and has those of higher multipoles
    ends = dict.fromkeys(("edge_entry_active", "edge_exit_active"), element.fringe != "none")
    strengths = {"k1": element.k1, "k1s": element.k1s}
    return xtrack.Quadrupole(**strengths, **ends, **_magnet(element, _STRAIGHT))


@to_xtrack.register
def _(element: pj.Sextupole) -> Any:
    import xtrack

    return xtrack.Sextupole(k2=element.k2, k2s=element.k2s, **_magnet(element, _STRAIGHT))


@to_xtrack.register
def _(element: pj.Octupole) -> Any:
    import xtrack

    return xtrack.Octupole(k3=element.k3, k3s=element.k3s, **_magnet(element, _STRAIGHT))


@to_xtrack.register
def _(element: pj.Multipole) -> Any:
    return _multipole(element, element.knl, element.ksl)


@to_xtrack.register
def _(element: pj.DipoleEdge) -> Any:
    import xtrack

    shape = {"e1": element.e1, "fint": element.fint, "hgap": element.hgap}
    return xtrack.DipoleEdge(k=element.h, **shape, model="linear")


@to_xtrack.register
def _(element: pj.TaylorMap) -> Any:
    import xtrack

    matrix, kick = np.reshape(element.matrix, (6, 6)), np.array(element.kick)
    if element.variables == "t pt":
        return xtrack.FirstOrderTaylorMap(m0=kick, m1=matrix, length=element.length)
    second = np.reshape(element.second or np.zeros(216), (6, 6, 6))
    return xtrack.SecondOrderTaylorMap(k=kick, R=matrix, T=second, length=element.length)


@to_xtrack.register
def _(element: pj.ThinBend) -> Any:
    import xtrack

    knl, ksl = ([*s] or [0.0] for s in (element.knl, element.ksl))
    knl[0] += element.angle
    return xtrack.Multipole(knl=knl, ksl=ksl, hxl=element.angle, length=element.arc_length)


@to_xtrack.register
def _(element: pj.Kicker) -> Any:
    knl, ksl = ([*s] or [0.0] for s in (element.knl, element.ksl))
    knl[0] -= element.hkick
    ksl[0] += element.vkick
    return _multipole(element, knl, ksl)


@to_xtrack.register
def _(element: Bend) -> Any:
    import xtrack

    edges = element.edges
    if edges == "auto":
        edges = "exact" if element.model == "exact" else "linear"
    entrance, exit_ = element.face_angles
    return xtrack.Bend(
        angle=element.angle,
        k0=element.angle / element.length + element.dk0,
        k0_from_h=False,
        k1=element.k1,
        k2=element.k2,
        edge_entry_model=_EDGES[edges],
        edge_exit_model=_EDGES[edges],
        edge_entry_angle=entrance,
        edge_exit_angle=exit_,
        edge_entry_fint=element.fint,
        edge_exit_fint=element.fintx,
        edge_entry_hgap=element.hgap,
        edge_exit_hgap=element.hgap,
        **_magnet(element, _BENDS),
    )


@to_xtrack.register
def _(element: pj.Solenoid) -> Any:
    import xtrack

    return xtrack.UniformSolenoid(length=element.length, ks=element.ks, **_placement(element))


@to_xtrack.register(pj.RFCavity)
@to_xtrack.register(CrabCavity)
def _(element: Any) -> Any:
    import xtrack

    if getattr(element, "accelerate", False):
        raise NotImplementedError("xtrack's cavities leave the reference momentum as it is")
    gap = {
        "frequency": element.frequency,
        "phase": element.phase,
        "length": element.length,
        "model": "drift-kick-drift-exact",
        **_placement(element),
    }
    if isinstance(element, CrabCavity):
        return xtrack.CrabCavity(crab_voltage=element.voltage, **gap)
    return xtrack.Cavity(voltage=element.voltage, **gap)


@to_xtrack.register
def _(element: pj.Aperture) -> Any:
    import xtrack

    width, height = element.half_width, element.half_height
    if element.shape == "ellipse":
        return xtrack.LimitEllipse(a=width, b=height)
    box = {"min_x": -width, "max_x": width, "min_y": -height, "max_y": height}
    if element.shape == "rectangle":
        return xtrack.LimitRect(**box)
    if element.shape == "rectellipse":
        axes = {"a": element.radius_x, "b": element.radius_y}
        return xtrack.LimitRectEllipse(max_x=width, max_y=height, **axes)
    if element.shape in ("octagon", "polygon"):
        x, y = zip(*(element.vertices or _octagon(element)), strict=True)
        return xtrack.LimitPolygon(x_vertices=[*x], y_vertices=[*y])
    return xtrack.LimitRacetrack(a=element.corner_x, b=element.corner_y, **box)


def _octagon(element: pj.Aperture) -> list[tuple[float, float]]:
    """Its corners, counterclockwise."""
    w, h = element.half_width, element.half_height
    right = [(w, h - element.corner_y), (w - element.corner_x, h)]
    top = [*right, *((-x, y) for x, y in right[::-1])]
    return [*top, *((-x, -y) for x, y in top)]


def _multipole(element: Magnet, knl: Sequence[Any], ksl: Sequence[Any]) -> Any:
    import xtrack

    options = _magnet(element, _STRAIGHT) | {"knl": [*knl] or [0.0], "ksl": [*ksl] or [0.0]}
    return xtrack.Multipole(isthick=element.length > 0, **options)


def _magnet(element: Magnet, models: dict[str, str]) -> dict[str, Any]:
    integrator, effects = _INTEGRATORS[element.order]
    return {
        "length": element.length,
        "knl": list(element.knl),
        "ksl": list(element.ksl),
        "model": models[element.model],
        "integrator": integrator,
        "num_multipole_kicks": effects * (element.steps or element.fewest),
        **_placement(element),
    }


def _placement(element: Element) -> dict[str, Any]:
    """Displaced about the middle of the arc, where ours is about that of the chord."""
    shift = np.array([element.dx, element.dy, element.dz])
    if isinstance(element, Bend) and element.angle:
        sagitta = element.length / element.angle * (1 - math.cos(element.angle / 2))
        chord = -sagitta * np.array([math.cos(element.tilt), math.sin(element.tilt), 0.0])
        shift = shift + chord - _rotation(element) @ chord
    return {
        "shift_x": shift[0],
        "shift_y": shift[1],
        "shift_s": shift[2],
        "rot_x_rad": -element.x_rot,
        "rot_y_rad": element.y_rot,
        "rot_s_rad_no_frame": element.z_rot,
        "rot_s_rad": element.tilt,
        "rot_shift_anchor": element.length / 2,
    }


def _rotation(element: Element) -> np.ndarray:
    """About y, then the new x, then the new s."""
    from scipy.spatial.transform import Rotation

    angles = [element.y_rot, element.x_rot, element.z_rot]
    return Rotation.from_euler("YXZ", angles).as_matrix()

"""The same lattice in the Accelerator Toolbox (pyAT), with the same Hamiltonians.

AT's coordinates are (x, px, y, py, delta, ct) with ct = -z for particles at the speed of light: its
maps know no velocity, so they are ours for an ultra-relativistic reference, see `fast`. AT's
polynomials are our strengths over n!. Left out is what AT has no equal map for: the gradient of
its exact bend lacks the curvature's term, its solenoid and misalignments are linear.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np

import pyjutrack as pj
from pyjutrack.elements import Bend, Element, Magnet

_DRIFTS = {"exact": "ExactDriftPass", "paraxial": "DriftPass"}
_STRAIGHT = {"exact": "ExactMultipolePass", "paraxial": "StrMPoleSymplectic4Pass"}
_BENDS = {"exact": "ExactSectorBendPass", "paraxial": "BndMPoleSymplectic4Pass"}
#: which the pass methods of bends have
_EDGES = {"exact": "exact", "paraxial": "linear"}


def fast(reference: pj.Reference) -> pj.Reference:
    """The same momentum on a particle so light that its velocity is that of light."""
    species = pj.Species("light", 1e-6, reference.species.charge)
    return pj.Reference.from_p0c(species, reference.p0c)


def to_lattice(elements: Sequence[Element], reference: pj.Reference) -> Any:
    """A pyAT lattice; thick cavities become three elements."""
    import at

    parts = [part for element in elements for part in to_at(element, reference)]
    return at.Lattice(parts, energy=reference.p0c, periodicity=1)


def track(lattice: Any, start: np.ndarray) -> np.ndarray:
    """Our coordinates (N, 6) after a pyAT lattice."""
    import at

    theirs = np.asfortranarray(start[:, [0, 1, 2, 3, 5, 4]].T)
    theirs[5] *= -1
    at.lattice_track(lattice, theirs, in_place=True)
    theirs[5] *= -1
    return np.ascontiguousarray(theirs.T[:, [0, 1, 2, 3, 5, 4]])


@singledispatch
def to_at(element: Element, reference: pj.Reference) -> list[Any]:
    """An element of ours as elements of pyAT.

    Raises:
        NotImplementedError: pyAT has none with the same map.
    """
    raise NotImplementedError(f"pyAT has no {type(element).__name__} of the same map")


@to_at.register
def _(element: pj.Drift, reference: pj.Reference) -> list[Any]:
    import at

    return [at.Drift(element.name, element.length, PassMethod=_DRIFTS[element.model])]


@to_at.register(pj.Marker)
@to_at.register(pj.Monitor)
def _(element: Any, reference: pj.Reference) -> list[Any]:
    import at

    if element.length == 0:
        return [at.Marker(element.name)]
    return [at.Drift(element.name, element.length, PassMethod=_DRIFTS["exact"])]


@to_at.register
def _(element: pj.Quadrupole, reference: pj.Reference) -> list[Any]:
    if element.fringe != "none":
        raise NotImplementedError("pyAT's fringe of quadrupoles is the same to third order alone")
    return _straight(element, (0.0, element.k1), (0.0, element.k1s))


@to_at.register
def _(element: pj.Sextupole, reference: pj.Reference) -> list[Any]:
    return _straight(element, (0.0, 0.0, element.k2), (0.0, 0.0, element.k2s))


@to_at.register
def _(element: pj.Octupole, reference: pj.Reference) -> list[Any]:
    return _straight(element, (0.0, 0.0, 0.0, element.k3), (0.0, 0.0, 0.0, element.k3s))


@to_at.register
def _(element: pj.Multipole, reference: pj.Reference) -> list[Any]:
    return _straight(element, (), ())


@to_at.register
def _(element: pj.Kicker, reference: pj.Reference) -> list[Any]:
    per = element.length or 1.0
    return _straight(element, (-element.hkick / per,), (element.vkick / per,))


@to_at.register
def _(element: Bend, reference: pj.Reference) -> list[Any]:
    import at

    _check(element, _BENDS)
    if element.edges not in ("auto", _EDGES[element.model]):
        raise NotImplementedError(
            f"pyAT's {_BENDS[element.model]} has {_EDGES[element.model]} edges, got {element.edges}"
        )
    if element.dk0:
        raise NotImplementedError("pyAT's bends kick by their field error as if it were straight")
    if element.model == "exact" and element.k1:
        raise NotImplementedError("pyAT's exact bend leaves out the gradient's curvature")
    entrance, exit_ = element.face_angles
    normal, skew = _polynomials(element, (0.0, element.k1, element.k2), ())
    edges = {
        "FringeInt1": element.fint,
        "FringeInt2": element.fintx,
        "FullGap": 2 * element.hgap,
    }
    if element.model == "exact":
        if element.fint != element.fintx:
            raise NotImplementedError("pyAT's exact bend has one field integral for both faces")
        edges = {"gK": 2 * element.fint * element.hgap}
    return [
        at.Dipole(
            element.name,
            element.length,
            element.angle,
            EntranceAngle=entrance,
            ExitAngle=exit_,
            PolynomB=normal,
            PolynomA=skew,
            NumIntSteps=element.steps or element.fewest,
            MaxOrder=len(normal) - 1,
            PassMethod=_BENDS[element.model],
            **edges,
        )
    ]


@to_at.register
def _(element: pj.RFCavity, reference: pj.Reference) -> list[Any]:
    import at

    if element.accelerate:
        raise NotImplementedError("pyAT's cavities leave the reference momentum as it is")
    gap = at.RFCavity(
        element.name,
        0.0,
        element.voltage * abs(reference.species.charge),
        element.frequency,
        1,
        reference.p0c,
        PassMethod="RFCavityPass",
        PhaseLag=math.pi - element.phase,
    )
    if element.length == 0:
        return [gap]
    # pyAT's own thick cavity has paraxial drifts
    half = at.Drift(f"{element.name}.half", element.length / 2, PassMethod=_DRIFTS["exact"])
    return [half, gap, half]


def _straight(element: Magnet, normal: Sequence[Any], skew: Sequence[Any]) -> list[Any]:
    import at

    normal, skew = _polynomials(element, normal, skew)
    if element.length == 0:
        _check_place(element)
        return [at.ThinMultipole(element.name, skew, normal, MaxOrder=len(normal) - 1)]
    _check(element, _STRAIGHT)
    return [
        at.Multipole(
            element.name,
            element.length,
            skew,
            normal,
            NumIntSteps=element.steps or element.fewest,
            MaxOrder=len(normal) - 1,
            PassMethod=_STRAIGHT[element.model],
        )
    ]


def _polynomials(
    element: Magnet, normal: Sequence[Any], skew: Sequence[Any]
) -> tuple[list[float], list[float]]:
    """All multipoles as AT's PolynomB and PolynomA, of one length."""
    per = element.length or 1.0
    size = max(1, len(normal), len(skew), len(element.knl), len(element.ksl))
    series = []
    for own, extra in ((normal, element.knl), (skew, element.ksl)):
        total = np.zeros(size)
        total[: len(own)] += own
        total[: len(extra)] += np.array(extra) / per
        series.append([k / math.factorial(n) for n, k in enumerate(total)])
    return series[0], series[1]


def _check(element: Magnet, models: dict[str, str]) -> None:
    if element.model not in models or element.order != 4:
        raise NotImplementedError(
            f"pyAT integrates to fourth order in the models {', '.join(models)}; got order "
            f"{element.order} and model {element.model!r}"
        )
    _check_place(element)


def _check_place(element: Element) -> None:
    if any(getattr(element, name) for name in element.placement):
        raise NotImplementedError("pyAT's misalignments are linear")

"""Kicks by a beam that comes the other way, thin and in slices, beside xfields."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.constants import e

import pyjutrack as pj
from pyjutrack import collective

from .clock import in_turns
from .peer import Array, elsewhere, xsuite_context
from .report import Row, Table

POSITRON = pj.Reference.from_total("positron", 45e9)
#: particles of the other beam; its sizes [m] and divergences
COUNT, SIZES, DIVERGENCES = 1e11, (1e-5, 5e-6, 1e-2), (1e-4, 2e-4)
#: half of the crossing angle [rad], and slices of equal charge
ANGLE, SLICES = 1e-3, 15
_IP = pj.Lattice([pj.Marker(name="ip")])
#: of momenta
_COLUMNS = [1, 3]
#: kicks that differ by more than this are of something else
_SAME = 1e-5


def run(particles: int, repeats: int, threads: int) -> Table:
    return table((2 * particles, 20 * particles), max(1, repeats // 5), threads)


@elsewhere()
def table(counts: Sequence[int], repeats: int, threads: int) -> Table:
    """One passage."""
    title, ratio = "Collective effects: beam-beam", "time of the peer / time of pyjutrack"
    try:
        import xfields  # noqa: F401
    except ImportError as error:
        return Table(title, ratio, [], [f"skipped: xfields ({error})"])
    found = []
    for kind, ours, theirs in (("2D", _thin, _their_thin), ("6D", _sliced, _their_sliced)):
        for count in counts:
            found += _compare(kind, ours(), theirs, count, repeats, threads)
    remark = (
        f"6D with {SLICES} slices, {1e3 * ANGLE:g} mrad of half a crossing; agreement is that of "
        "momenta, largest difference over largest change"
    )
    return Table(title, ratio, found, [remark])


def _compare(
    kind: str, effect: Any, make: Callable[..., Any], count: int, repeats: int, threads: int
) -> list[Row]:
    start = np.random.default_rng(3).normal(size=(count, 6))
    start *= [SIZES[0], DIVERGENCES[0], SIZES[1], DIVERGENCES[1], SIZES[2], 1e-3]
    beam = pj.Beam(POSITRON, start)
    effects = [effect]
    after = pj.track(_IP, beam, effects=effects).numpy()
    calls: dict[str, Callable[[], object]] = {
        "pyjutrack": lambda: pj.track(_IP, beam, effects=effects)
    }
    peer = f"xfields, OpenMP {threads}" if threads > 1 else "xfields, serial"
    calls[peer], there = _their_passage(make, start, threads if threads > 1 else 0)
    largest = np.abs(after - start)[:, _COLUMNS].max(0)
    off = float((np.abs(there - after)[:, _COLUMNS].max(0) / largest).max())
    if off > _SAME:
        raise RuntimeError(f"beam-beam, {kind}: kicks differ by {off:.1e}")
    samples = in_turns(calls, repeats)
    ratio = samples[peer].over(samples["pyjutrack"])
    label = f"beam-beam {kind}, {count} particles"
    return [
        Row(f"{label}: pyjutrack", samples["pyjutrack"], 1.0),
        Row(f"{label}: {peer}", samples[peer], ratio, ">= 1", f"agrees to {off:.1e}"),
    ]


def _their_passage(
    make: Callable[..., Any], start: Array, threads: int
) -> tuple[Callable[[], object], Array]:
    """A passage of one context, and the coordinates after the first."""
    import xtrack

    context = xsuite_context(threads)
    x, px, y, py, zeta, delta = start.T.copy()
    particles = xtrack.Particles(
        _context=context, mass0=POSITRON.species.mass, q0=1, p0c=float(POSITRON.p0c),
        x=x, px=px, y=y, py=py, zeta=zeta, delta=delta,
    )  # fmt: skip
    element = make(context)
    element.track(particles)
    columns = particles.x, particles.px, particles.y, particles.py, particles.zeta, particles.delta
    after = np.stack([context.nparray_from_context_array(c) for c in columns], 1)
    return lambda: element.track(particles), after


def _thin() -> Any:
    return collective.BeamBeam2D("ip", -COUNT * e, *SIZES[:2])


def _sliced() -> Any:
    options = {"angle": ANGLE, "count": SLICES, "slicing": "charge"}
    return collective.BeamBeam("ip", -COUNT * e, *SIZES, *DIVERGENCES, **options)


def _their_thin(context: Any) -> Any:
    import xfields

    return xfields.BeamBeamBiGaussian2D(
        _context=context, other_beam_q0=-1, other_beam_num_particles=COUNT, other_beam_beta0=1.0,
        other_beam_Sigma_11=SIZES[0] ** 2, other_beam_Sigma_33=SIZES[1] ** 2,
    )  # fmt: skip


def _their_sliced(context: Any) -> Any:
    """Slices of equal charge; their momenta are divided by P0, and ours by P0 cos(angle)."""
    import xfields
    from scipy.special import ndtri
    from scipy.stats import norm

    edges = ndtri(np.linspace(0, 1, SLICES + 1))
    centres = -SLICES * np.diff(norm.pdf(edges))
    each = np.ones(SLICES)
    moments = np.diag(np.square([SIZES[0], DIVERGENCES[0], SIZES[1], DIVERGENCES[1]]))
    return xfields.BeamBeamBiGaussian3D(
        _context=context, phi=ANGLE, alpha=0.0, other_beam_q0=-1,
        slices_other_beam_num_particles=COUNT / SLICES / math.cos(ANGLE) * each,
        slices_other_beam_zeta_center=SIZES[2] * centres[::-1],
        **{
            f"slices_other_beam_Sigma_{i + 1}{j + 1}": moments[i, j] * each
            for i in range(4) for j in range(i, 4)
        },
    )  # fmt: skip

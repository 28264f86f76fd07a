"""Turns of a ring with space charge by slices, a wake and radiation, beside Xsuite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.constants import e

import pyjutrack as pj
from pyjutrack.collective import CollectiveEffect, Radiation, Resonator, SpaceCharge2p5D, Wake
from pyjutrack.elements import Element

from .case_optics import example
from .case_radiation import ELECTRON, SLICES, SPOT, SPOTS, ring, sliced, start
from .clock import in_turns
from .peer import Array, elsewhere, xsuite_context
from .peer_xfields import ScipyPlan
from .report import Row, Table

CHARGE = 2e-8
#: nodes of both grids, and the sides of the box [m]
GRID, BOX = (64, 64, 32), (0.016, 0.016, 0.26)
#: frequency, shunt impedance, quality; slices
WAKE, WAKE_CELLS = (1e9, 100.0, 2.0), 128
#: changes by an effect that differ by more than this are of another effect
_SAME = 0.05
#: particles that tell whether they are, at least: grids of fewer are noise
_COMPARED = 100_000
_NAMES = ("space charge", "wake", "radiation")


class SpotCharge(SpaceCharge2p5D):
    """Space charge at the spots alone."""

    def slices(self, element: Element) -> int:
        return int(element.name == SPOT)


def run(particles: int, repeats: int, threads: int) -> Table:
    return table(max(500, particles // 25), 20, max(_COMPARED, 2 * particles), 1, threads)


@elsewhere()
def table(count: int, turns: int, compared: int, repeats: int, threads: int) -> Table:
    """All three effects in one ring; their changes are compared of `compared` particles."""
    title, ratio = "Collective effects: all in a ring", "time of the peer / time of pyjutrack"
    try:
        import xfields  # noqa: F401
        import xwakes  # noqa: F401
    except ImportError as error:
        return Table(title, ratio, [], [f"skipped: Xsuite ({error})"])
    lattice, at = ring(), start(count)
    off = [_difference(lattice, name, compared) for name in _NAMES]
    notes = ", ".join(f"{name} {d:.1%}" for name, d in zip(_NAMES, off, strict=True))
    if max(off) > _SAME:
        raise RuntimeError(f"changes by effects differ: {notes}")
    beam, effects = pj.Beam(ELECTRON, at, charge=CHARGE), _ours(lattice, _NAMES)
    calls: dict[str, Any] = {
        "pyjutrack": lambda: pj.track(lattice, beam, effects=effects, turns=turns)
    }
    line, make = _theirs(lattice, at, _NAMES, threads if threads > 1 else 0)
    line.track(make())
    peer = f"xsuite, OpenMP {threads}" if threads > 1 else "xsuite, serial"
    calls[peer] = lambda: line.track(make(), num_turns=turns)
    samples = in_turns(calls, repeats)
    kind = f"ring, 2.5D, wake and radiation, {count} particles, {turns} turns"
    measured = samples[peer].over(samples["pyjutrack"])
    found = [
        Row(f"{kind}: pyjutrack", samples["pyjutrack"], 1.0),
        Row(f"{kind}: {peer}", samples[peer], measured, ">= 1", f"changes agree to: {notes}"),
    ]
    grid = " x ".join(map(str, GRID))
    remark = (
        f"{len(lattice)} elements, {SPOTS} kicks of space charge a turn on {grid} nodes in "
        f"both codes (FFTSolver2p5D, no longitudinal kick), a wake of {WAKE_CELLS} slices, mean "
        f"radiation in {SLICES[0]} slices a bend"
    )
    return Table(title, ratio, found, [remark])


def _ours(lattice: pj.Lattice, names: Sequence[str]) -> list[CollectiveEffect]:
    length = sum(float(element.length) for element in lattice)
    spot = next(float(element.length) for element in lattice if element.name == SPOT)
    box = pj.SpectralPoisson(BOX[:2], GRID[:2])
    effects = {
        "space charge": SpotCharge(box, GRID[2], 1.0, length / SPOTS / spot),
        "wake": Wake(Resonator(*WAKE), "gap", cells=WAKE_CELLS, window=BOX[2]),
        "radiation": Radiation("mean", 0, *SLICES),
    }
    return [effects[name] for name in names]


def _difference(whole: pj.Lattice, name: str, count: int) -> float:
    """Of the changes by an effect in a cell, over the changes; the worst column of momenta."""
    lattice, at = pj.Lattice([*whole[:8], whole[-1]]), start(count)
    beam = pj.Beam(ELECTRON, at, charge=CHARGE)
    ours, theirs = [], []
    for names in ((name,), ()):
        ours.append(pj.track(lattice, beam, effects=_ours(lattice, names)).numpy())
        line, make = _theirs(lattice, at, names, 0)
        particles = make()
        line.track(particles)
        theirs.append(example("peer_xtrack").coordinates(particles, ELECTRON))
    one, two = ours[0] - ours[1], theirs[0] - theirs[1]
    columns = [1, 3] if name == "space charge" else [5]
    sizes = np.linalg.norm(two[:, columns], axis=0)
    return float((np.linalg.norm((one - two)[:, columns], axis=0) / sizes).max())


def _theirs(lattice: pj.Lattice, at: Array, names: Sequence[str], threads: int) -> Any:
    """The line with effects, and what makes particles for it."""
    import xfields
    import xtrack
    import xwakes

    peer, context = example("peer_xtrack"), xsuite_context(threads)
    length = sum(float(element.length) for element in lattice)
    elements: list[Any] = []
    for element in lattice:
        if element.name == SPOT and "space charge" in names:
            half = float(element.length) / 2
            kick = xfields.SpaceCharge3D(
                _context=context, length=length / SPOTS, update_on_track=True, apply_z_kick=False,
                **{f"{u}_range": (-side / 2, side / 2) for u, side in zip("xyz", BOX, strict=True)},
                **{f"n{u}": nodes for u, nodes in zip("xyz", GRID, strict=True)},
                solver="FFTSolver2p5D", fftplan=ScipyPlan((0, 1), max(1, threads)),
            )  # fmt: skip
            drifts = (peer.to_xtrack(pj.Drift(half)) for _ in range(2))
            elements += [next(drifts), kick, next(drifts)]
        else:
            elements.append(sliced(peer.to_xtrack(element)))
        if element.name == "gap" and "wake" in names:
            frequency, shunt, quality = WAKE
            wake = xwakes.WakeResonator(kind="longitudinal", r=shunt, q=quality, f_r=frequency)
            reach = (-BOX[2] / 2, BOX[2] / 2)
            wake.configure_for_tracking(reach, WAKE_CELLS, _context=context)
            elements.append(wake)
    line = xtrack.Line(elements=elements)
    line.particle_ref = peer.particles(np.zeros((1, 6)), ELECTRON)
    line.build_tracker(_context=context, compile=False)  # but with the radiation
    line.configure_radiation(model="mean" if "radiation" in names else None)

    def make() -> Any:
        columns = dict(zip(("x", "px", "y", "py", "zeta", "delta"), at.T.copy(), strict=True))
        return xtrack.Particles(
            _context=context, p0c=ELECTRON.p0c, mass0=ELECTRON.species.mass,
            q0=ELECTRON.species.charge, weight=CHARGE / e / len(at), **columns,
        )  # fmt: skip

    return line, make

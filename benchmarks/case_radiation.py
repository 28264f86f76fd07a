"""An electron ring of 1000 elements, and its radiation beside xtrack."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pyjutrack as pj
from pyjutrack.collective import Radiation
from pyjutrack.elements import Element

from .case_optics import example
from .clock import in_turns
from .peer import Array, elsewhere, xsuite_context
from .report import Row, Table

CELLS = 125
#: slices of bends and of other magnets at which both codes radiate
SLICES = 4, 1
ELECTRON = pj.Reference.from_total("electron", 5e8)
#: drifts of this name are where space charge may act
SPOTS, SPOT = 25, "spot"
#: particles by which fluctuations are compared
_DRAWS = 2000
#: turns of a single particle
_TURNS = 100
#: rms of the bunch [m, rad]
SIZES = (1e-3, 3e-4, 1e-3, 3e-4, 0.03, 5e-4)


def run(particles: int, repeats: int, threads: int) -> Table:
    counts = 1, max(1, particles // 50), 2 * particles, 20 * particles
    return table(counts, max(1, repeats // 5), threads)


def ring() -> pj.Lattice:
    """Cells of eight elements, and a gap."""
    angle = math.pi / CELLS
    elements: list[Element] = []
    for n in range(CELLS):
        spot = SPOT if n % (CELLS // SPOTS) == 0 else "d1"
        elements += [
            pj.Quadrupole(0.2, 1.6, name="qf"),
            pj.Drift(0.4, name=spot),
            pj.SBend(0.5, angle, model="linear", name="b1"),
            pj.Drift(0.3, name="d2"),
            pj.Quadrupole(0.2, -1.6, name="qd"),
            pj.Drift(0.4, name="d3"),
            pj.SBend(0.5, angle, model="linear", name="b2"),
            pj.Drift(0.3, name="d4"),
        ]
    length = sum(float(e.length) for e in elements)
    frequency = 500 * ELECTRON.beta * 299_792_458 / length
    gap = pj.RFCavity(voltage=2e5, frequency=frequency, phase=math.pi, name="gap")
    return pj.Lattice([*elements, gap])


@elsewhere()
def table(counts: Sequence[int], repeats: int, threads: int) -> Table:
    """Turns with radiation, mean and fluctuating."""
    title, ratio = "Collective effects: radiation", "time of the peer / time of pyjutrack"
    try:
        import xsuite  # noqa: F401  # its compiled kernels
    except ImportError as error:
        return Table(title, ratio, [], [f"skipped: xtrack ({error})"])
    lattice, found = ring(), []
    for mode, model in (("mean", "mean"), ("quantum", "quantum-kick")):
        for count in counts:
            found += _radiate(lattice, mode, model, count, repeats, threads)
    remark = f"{SLICES[0]} slices a bend and {SLICES[1]} a quadrupole, in both codes"
    return Table(title, ratio, found, [remark])


def _radiate(
    lattice: pj.Lattice, mode: str, model: str, count: int, repeats: int, threads: int
) -> list[Row]:
    cells = CELLS if count < 10_000 else CELLS // 12
    lattice, at = pj.Lattice([*lattice[: 8 * cells], lattice[-1]]), start(count)
    beam = pj.Beam(ELECTRON, at)
    effects = [Radiation(mode, 1, *SLICES)]
    turns = 1 if count > 1 else _TURNS
    calls: dict[str, Callable[[], object]] = {
        "pyjutrack": lambda: pj.track(lattice, beam, effects=effects, turns=turns)
    }
    shared = threads > 1 < count
    peer = f"xtrack, OpenMP {threads}" if shared else "xtrack, serial"
    line, particles = _line(lattice, at, threads if shared else 0, model)
    line.track(particles)
    calls[peer] = lambda: line.track(particles, num_turns=turns)
    agreement = _agreement(lattice, mode, model)
    samples = in_turns(calls, repeats)
    kind = f"radiation, {mode}, {count} particles, {turns} x {len(lattice)} elements"
    ratio = samples[peer].over(samples["pyjutrack"])
    note = f"{agreement}; its model {model!r}"
    return [
        Row(f"{kind}: pyjutrack", samples["pyjutrack"], 1.0),
        Row(f"{kind}: {peer}", samples[peer], ratio, ">= 1", note),
    ]


def _agreement(lattice: pj.Lattice, mode: str, model: str) -> str:
    """How well the loss in a turn from the axis agrees; with photons, loss and spread of many.

    Raises:
        RuntimeError: not well enough.
    """
    without = pj.Lattice([e for e in lattice if e.name != "gap"])
    at = np.zeros((1 if mode == "mean" else _DRAWS, 6))
    after = pj.track(without, pj.Beam(ELECTRON, at), effects=[Radiation(mode, 1, *SLICES)])
    line, particles = _line(without, at, 0, model)
    line.track(particles)
    ours, theirs = after.numpy()[:, 5], particles.delta
    loss = abs(float(theirs.mean() / ours.mean() - 1))
    if mode == "mean":
        if loss > 1e-4:
            raise RuntimeError(f"the mean losses differ by {loss:.1e}")
        return f"loss agrees to {loss:.1e}"
    spread = abs(float(theirs.std() / ours.std() - 1))
    if max(loss, spread) > 5 / math.sqrt(_DRAWS):
        raise RuntimeError(f"mean losses differ by {loss:.1%}, spreads by {spread:.1%}")
    return f"of {_DRAWS} particles, loss agrees to {loss:.1%} and spread to {spread:.1%}"


def _line(lattice: Any, at: Array, threads: int, model: str | None) -> tuple[Any, Any]:
    """The ring in xtrack, and its particles."""
    import xtrack

    peer = example("peer_xtrack")
    elements = [sliced(peer.to_xtrack(element)) for element in lattice]
    context = xsuite_context(threads)
    line = xtrack.Line(elements=elements)
    line.particle_ref = peer.particles(np.zeros((1, 6)), ELECTRON)
    line.build_tracker(_context=context, compile=False)  # but with the radiation
    line.configure_radiation(model=model)
    x, px, y, py, z, delta = at.T.copy()
    particles = xtrack.Particles(
        _context=context, p0c=ELECTRON.p0c, mass0=ELECTRON.species.mass,
        q0=ELECTRON.species.charge, x=x, px=px, y=y, py=py, zeta=z, delta=delta,
    )  # fmt: skip
    if model not in (None, "mean"):
        particles._init_random_number_generator()
    return line, particles


def sliced(element: Any) -> Any:
    kind = type(element).__name__
    if kind in ("Bend", "Quadrupole"):
        element.num_multipole_kicks = SLICES[kind != "Bend"]
    return element


def start(count: int) -> Array:
    return np.random.default_rng(2).normal(0, 1, (count, 6)).clip(-4, 4) * SIZES

"""Kicks of a bunch by the wake of a resonator, beside xwakes on as many slices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.beam.reference import SPEED_OF_LIGHT
from pyjutrack.collective import Place, Resonator, Wake
from pyjutrack.tracking.end import state_of

from .bunch import CHARGE, LONG, REFERENCE, bunch
from .clock import in_turns
from .peer import Array, elsewhere, xsuite_context
from .report import Row, Table

CELLS = 256
#: of the resonator: Hz, ohm (per metre across), 1
FREQUENCY, SHUNT, QUALITY = 2e8, 1e6, 2.0
#: of the bunch from the orbit [m]
OFFSET = 1e-3
#: component, its name in xwakes, the column that it kicks
_COMPONENTS = (("longitudinal", "longitudinal", 5), ("dipole x", "dipolar_x", 1))
#: kicks of a code that differ from the exact ones by more than this are of something else
_SAME = 0.03
#: nodes of the integral for the exact kicks
_FINE = 4001
_GAP = pj.Marker(name="gap")
_HERE = Place(_GAP, 0, 0.0, 0.0, 1.0, 0)
#: of a line with nothing but the wake
_TURNS = (1, 20)


def run(particles: int, repeats: int, threads: int) -> Table:
    return table((2 * particles, 20 * particles), max(1, repeats // 5), threads)


@elsewhere()
def table(counts: Sequence[int], repeats: int, threads: int) -> Table:
    """The kick, and whole trackings; no turn has memory of others."""
    title, ratio = "Collective effects: wakes", "time of the peer / time of pyjutrack"
    try:
        import xwakes  # noqa: F401
    except ImportError as error:
        return Table(title, ratio, [], [f"skipped: xwakes ({error})"])
    found = []
    for component, theirs, column in _COMPONENTS:
        for count in counts:
            found += _compare(component, theirs, column, count, repeats, threads)
    remark = (
        f"{CELLS} cells or slices, one passage; errors are rms, against the integral over a "
        "Gaussian; xwakes has no change of delta by transverse wakes; a line is of the wake alone, "
        "and tracked as a whole: ours checks the beam and makes a new one, xtrack changes its own"
    )
    return Table(title, ratio, found, [remark])


def _compare(
    component: str, theirs: str, column: int, count: int, repeats: int, threads: int
) -> list[Row]:
    sample = bunch(count, LONG)
    reach = float(sample.half[2])
    start = sample.beam().coordinates.numpy().copy()
    start[:, 0] += OFFSET
    beam = pj.Beam(REFERENCE, start, charge=CHARGE)
    state = state_of(beam.coordinates, beam.alive)
    mode = Resonator(frequency=FREQUENCY, shunt=SHUNT, quality=QUALITY)
    effect = Wake(mode, "gap", component, cells=CELLS, window=2 * reach)

    def ours() -> Any:
        return effect.apply(state, effect.field(beam, state, _HERE), _HERE)

    exact = _exact(mode, component, start[:, 4], reach)
    peers = dict(_peers(theirs, start, reach, threads))
    after = {"pyjutrack": np.stack([c.numpy() for c in ours().coordinates])}
    after |= {name: found for name, (_, found) in peers.items()}
    errors = {}
    for name, found in after.items():
        off = np.linalg.norm(found[column] - start[:, column] - exact)
        errors[name] = float(off / np.linalg.norm(exact))
        if errors[name] > _SAME:
            raise RuntimeError(f"the kicks of {name} are off by {errors[name]:.1%}")
    calls = {name: call for name, (call, _) in peers.items()}
    kind = f"wake, {component}, {count} particles"
    found = _time(kind, ours, calls, repeats, {n: f"error {e:.1%}" for n, e in errors.items()})
    lattice = pj.Lattice([_GAP])
    for turns in _TURNS:

        def whole(turns: int = turns) -> object:
            return pj.track(lattice, beam, effects=[effect], turns=turns)

        lines = _lines(theirs, start, reach, threads, turns)
        found += _time(f"{kind}, a line, turns {turns}", whole, lines, repeats, {})
    return found


def _time(
    kind: str,
    ours: Callable[[], object],
    peers: Mapping[str, Callable[[], object]],
    repeats: int,
    notes: Mapping[str, str],
) -> list[Row]:
    """Rows of ours, and of the fastest of the peers."""
    samples = in_turns({"pyjutrack": ours, **peers}, repeats)
    best = min(peers, key=lambda name: samples[name].median)
    ratio = samples[best].over(samples["pyjutrack"])
    return [
        Row(f"{kind}: {name}", samples[name], measured, asked, notes.get(name, ""))
        for name, measured, asked in (("pyjutrack", 1.0, ""), (best, ratio, ">= 2"))
    ]


def _exact(mode: Resonator, component: str, z: Array, reach: float) -> Array:
    """Kicks of a Gaussian of even points at z: the integral over the charge ahead."""
    nodes, step = np.linspace(-reach, reach, _FINE, retstep=True)
    speed = REFERENCE.beta * SPEED_OF_LIGHT
    density = np.exp(-0.5 * (nodes / LONG) ** 2) / (math.sqrt(2 * math.pi) * LONG)
    transverse = component != "longitudinal"
    wake = mode.value(torch.from_numpy(np.arange(_FINE) * step / speed), transverse).numpy()
    wake[0] /= 2
    voltage = CHARGE * step * np.convolve(density[::-1], wake)[:_FINE][::-1]
    factor = OFFSET if transverse else -1.0
    per_volt = factor / (REFERENCE.beta * REFERENCE.p0c)
    return np.asarray(per_volt * np.interp(z, nodes, voltage))


def _peers(
    kind: str, start: Array, reach: float, threads: int
) -> list[tuple[str, tuple[Callable[[], object], Array]]]:
    """By name, a passage, and the coordinates after the first."""
    found = []
    for name, context in _contexts(threads).items():
        wake, particles = _wake(kind, start, reach, context)
        wake.track(particles)
        columns = (particles.x, particles.px, particles.y, particles.py)
        columns = (*columns, particles.zeta, particles.delta)
        after = np.stack([context.nparray_from_context_array(c) for c in columns])
        found.append((f"xwakes, {name}", (partial(wake.track, particles), after)))
    return found


def _lines(
    kind: str, start: Array, reach: float, threads: int, turns: int
) -> dict[str, Callable[[], object]]:
    """By name, a tracking through a line of the wake."""
    import xtrack

    found = {}
    for name, context in _contexts(threads).items():
        wake, particles = _wake(kind, start, reach, context)
        line = xtrack.Line(elements=[wake])
        line.particle_ref = xtrack.Particles(mass0=REFERENCE.species.mass, p0c=float(REFERENCE.p0c))
        line.build_tracker(_context=context)
        line.track(particles)
        found[f"xtrack with xwakes, {name}"] = partial(line.track, particles, num_turns=turns)
    return found


def _contexts(threads: int) -> dict[str, Any]:
    contexts = {"serial": xsuite_context(0)}
    if threads > 1:
        contexts[f"OpenMP {threads}"] = xsuite_context(threads)
    return contexts


def _wake(kind: str, start: Array, reach: float, context: Any) -> tuple[Any, Any]:
    """The wake, and particles for it."""
    import xtrack
    import xwakes
    from scipy.constants import e

    wake = xwakes.WakeResonator(kind=kind, r=SHUNT, q=QUALITY, f_r=FREQUENCY)
    wake.configure_for_tracking((-reach, reach), CELLS, _context=context)
    x, px, y, py, zeta, delta = start.T.copy()
    particles = xtrack.Particles(
        _context=context, mass0=REFERENCE.species.mass, p0c=float(REFERENCE.p0c),
        x=x, px=px, y=y, py=py, zeta=zeta, delta=delta, weight=CHARGE / e / len(x),
    )  # fmt: skip
    return wake, particles

"""Kicks of a bunch by the wake of a resonator, beside xwakes on as many slices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.beam.reference import SPEED_OF_LIGHT
from pyjutrack.collective import Place, Resonator, Wake
from pyjutrack.tracking.end import state_of

from .bunch import CHARGE, LONG, REFERENCE, bunch
from .clock import in_turns
from .peer import Array, elsewhere
from .report import Row

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
_HERE = Place(pj.Marker(name="gap"), 0, 0.0, 0.0, 1.0, 0)


def rows(counts: Sequence[int], repeats: int, threads: int) -> tuple[list[Row], list[str]]:
    """Rows, of one turn without memory of others."""
    try:
        import xwakes  # noqa: F401
    except ImportError as error:
        return [], [f"skipped: xwakes ({error})"]
    found = []
    for component, theirs, column in _COMPONENTS:
        for count in counts:
            found += _compare(component, theirs, column, count, repeats, threads)
    return found, [
        f"wakes: {CELLS} cells or slices, one passage; errors are rms, against the integral over a "
        "Gaussian; xwakes has no change of delta by transverse wakes"
    ]


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
    calls: dict[str, Callable[[], object]] = {"pyjutrack": ours}
    calls |= {name: call for name, (call, _) in peers.items()}
    samples = in_turns(calls, repeats)
    best = min(peers, key=lambda name: samples[name].median)
    kind = f"wake, {component}, {count} particles"
    ratio = samples[best].over(samples["pyjutrack"])
    return [
        Row(f"{kind}: {name}", samples[name], measured, asked, f"error {errors[name]:.1%}")
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
    import xobjects
    import xtrack
    import xwakes
    from scipy.constants import e

    contexts = {"serial": xobjects.ContextCpu()}
    if threads > 1:
        contexts[f"OpenMP {threads}"] = xobjects.ContextCpu(omp_num_threads=threads)
    found = []
    for name, context in contexts.items():
        wake = xwakes.WakeResonator(kind=kind, r=SHUNT, q=QUALITY, f_r=FREQUENCY)
        with elsewhere():
            wake.configure_for_tracking((-reach, reach), CELLS, _context=context)
        x, px, y, py, zeta, delta = start.T.copy()
        particles = xtrack.Particles(
            _context=context, mass0=REFERENCE.species.mass, p0c=float(REFERENCE.p0c),
            x=x, px=px, y=y, py=py, zeta=zeta, delta=delta, weight=CHARGE / e / len(x),
        )  # fmt: skip
        with elsewhere():
            wake.track(particles)
        columns = (particles.x, particles.px, particles.y, particles.py)
        columns = (*columns, particles.zeta, particles.delta)
        after = np.stack([context.nparray_from_context_array(c) for c in columns])
        found.append((f"xwakes, {name}", (_passage(wake, particles), after)))
    return found


def _passage(wake: Any, particles: Any) -> Callable[[], object]:
    return lambda: wake.track(particles)

"""xfields: particle-in-cell kicks of SpaceCharge3D with its transverse solvers, in free space.

A coasting beam is a bunch of uniform line density. The least work that gives it is two
longitudinal nodes a metre apart with every particle on the first: its density is that of the
whole charge over one metre. With four nodes and a uniform bunch, the third of the particles
between the inner two sees the full density. FFTSolver3D transforms the same grid along z as well,
with twice the nodes, and does not describe a coasting beam; it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.fft
from scipy import constants

from .peer import Array, PeerKick, PeerMissing, elsewhere, uniform_z
from .setup import CURRENT, STEP, Setup

#: distance of longitudinal nodes [m]
_SPACING = 1.0
_SOLVERS = ("FFTSolver2p5DAveraged", "FFTSolver2p5D")


def kicks(setup: Setup, threads: int) -> Iterator[PeerKick]:
    """All configurations: serial and OpenMP contexts, both solvers, 2 and 4 slices, two FFTs.

    Raises:
        PeerMissing: no xfields.
    """
    try:
        import xfields
        import xobjects
        import xtrack
    except ImportError as error:
        raise PeerMissing(str(error)) from error

    contexts = {"serial": xobjects.ContextCpu()}
    if threads > 1:
        contexts[f"OpenMP {threads}"] = xobjects.ContextCpu(omp_num_threads=threads)
    for context_name, context in contexts.items():
        context.allow_kernel_compilation = True
        for solver in _SOLVERS:
            for slices in (2, 4):
                for fft in ("numpy", "scipy"):
                    plan = ScipyPlan((0, 1), threads) if fft == "scipy" else None
                    name = f"xfields {solver} {slices} slices, {context_name}, {fft}.fft"
                    with elsewhere():
                        made = _kick(name, xfields, xtrack, context, solver, slices, plan, setup)
                    yield made


def _kick(
    name: str,
    xfields: Any,
    xtrack: Any,
    context: Any,
    solver: str,
    slices: int,
    plan: Any,
    setup: Setup,
) -> PeerKick:
    grid, beam = setup.kick.potential.mesh.grid, setup.beam
    reference = beam.reference
    count, c = len(beam), beam.numpy()
    z_grid = (np.arange(slices) - (slices - 1) / 2) * _SPACING
    if slices == 2:
        z, bunch = np.full(count, z_grid[0]), _SPACING
        flat = np.ones(count, dtype=bool)
    else:
        bunch = (slices - 1) * _SPACING
        z = uniform_z(count, bunch)
        flat = np.abs(z) < (slices - 3) / 2 * _SPACING
    charges = CURRENT * bunch / (reference.beta * constants.c * constants.e)
    element = xfields.SpaceCharge3D(
        _context=context,
        length=STEP,
        update_on_track=True,
        apply_z_kick=False,
        x_grid=grid.nodes(0),
        y_grid=grid.nodes(1),
        z_grid=z_grid,
        solver=solver,
        fftplan=plan,
    )
    particles = xtrack.Particles(
        _context=context,
        p0c=reference.p0c,
        mass0=reference.species.mass,
        q0=reference.species.charge,
        x=c[:, 0],
        y=c[:, 2],
        zeta=z,
        weight=charges / count,
    )
    element.track(particles)
    order = np.argsort(context.nparray_from_context_array(particles.particle_id))
    found: Array = np.stack(
        [context.nparray_from_context_array(p)[order] for p in (particles.px, particles.py)]
    )
    return PeerKick(name, lambda: element.track(particles), found, flat)


class ScipyPlan:
    """A multi-threaded FFT for xfields' public `fftplan` argument.

    Its own choices are numpy, and pyfftw, which fails in xfields 0.27 (the plan accepts only the
    array it was made with, the solver brings a new one).
    """

    def __init__(self, axes: tuple[int, ...], workers: int) -> None:
        self.axes, self.workers = axes, workers

    def transform(self, data: Array) -> None:
        data[:] = scipy.fft.fftn(data, axes=self.axes, workers=self.workers, overwrite_x=True)

    def itransform(self, data: Array) -> None:
        data[:] = scipy.fft.ifftn(data, axes=self.axes, workers=self.workers, overwrite_x=True)

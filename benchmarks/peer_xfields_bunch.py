"""xfields: SpaceCharge3D with its three solvers, in free space.

Contexts are serial and OpenMP, transforms those of numpy and of scipy (all cores); every one of
them is a configuration. By slices the longitudinal kick is off, whose potential has no zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .bunch import CHARGE, REFERENCE, STEP, Bunch
from .bunch_kick import RATIOS, Made, Nodes
from .peer import PeerMissing, elsewhere, xsuite_context
from .peer_xfields import ScipyPlan

_SIDES = [n for n in range(16, 161) if n % 4 == 0]


@dataclass(frozen=True)
class Xfields:
    """One of its solvers: FFTSolver3D, FFTSolver2p5D or FFTSolver2p5DAveraged."""

    solver: str
    sides: Iterable[int] = tuple(_SIDES)

    @property
    def name(self) -> str:
        return f"xfields {self.solver}"

    @property
    def slices(self) -> bool:
        return self.solver != "FFTSolver3D"

    @property
    def ratios(self) -> Sequence[float]:
        return RATIOS[self.slices]

    def make(self, bunch: Bunch, nodes: Nodes, threads: int, which: str | None = "") -> Made:
        try:
            import xfields  # noqa: F401
        except ImportError as error:
            raise PeerMissing(str(error)) from error
        contexts = {"serial": xsuite_context(0)}
        if threads > 1:
            contexts[f"OpenMP {threads}"] = xsuite_context(threads)
        calls, kicks = {}, None
        for context_name, context in contexts.items():
            context.allow_kernel_compilation = True
            for fft in ("scipy", "numpy"):
                name = f"{context_name}, {fft}.fft"
                if which is not None and name != (which or "serial, scipy.fft"):
                    continue
                with elsewhere():
                    element, particles = self._one(bunch, nodes, context, fft, threads)
                    element.track(particles)
                order = np.argsort(context.nparray_from_context_array(particles.particle_id))
                momenta = particles.px, particles.py, particles.delta
                found = np.stack([context.nparray_from_context_array(p)[order] for p in momenta])
                kicks = found[: 2 if self.slices else 3] if kicks is None else kicks
                calls[name] = _kick(element, particles)
        assert kicks is not None
        return Made(calls, kicks)

    def _one(
        self, bunch: Bunch, nodes: Nodes, context: Any, fft: str, threads: int
    ) -> tuple[Any, Any]:
        import xfields
        import xtrack
        from scipy.constants import e

        axes = (0, 1) if self.slices else (0, 1, 2)
        element = xfields.SpaceCharge3D(
            _context=context,
            length=STEP,
            update_on_track=True,
            apply_z_kick=not self.slices,
            **{f"{u}_range": (-half, half) for u, half in zip("xyz", bunch.half, strict=True)},
            **{f"n{u}": count for u, count in zip("xyz", nodes, strict=True)},
            solver=self.solver,
            gamma0=None if self.slices else REFERENCE.gamma,
            fftplan=ScipyPlan(axes, threads) if fft == "scipy" else None,
        )
        x, y, zeta = bunch.places.T.copy()
        particles = xtrack.Particles(
            _context=context,
            p0c=REFERENCE.p0c,
            mass0=REFERENCE.species.mass,
            q0=REFERENCE.species.charge,
            x=x,
            y=y,
            zeta=zeta,
            weight=CHARGE / e / len(x),
        )
        return element, particles


def _kick(element: Any, particles: Any) -> Any:
    return lambda: element.track(particles)

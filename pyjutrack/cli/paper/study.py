"""The computation of the tables and figures: everything that goes into `results.json`."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from ...beam.observables import emittance_growth
from ...collective import Potential, field_error, own_field
from ...collective.analytic import bassetti_erskine, gaussian_in_box
from ...collective.base import CollectiveEffect
from ...core.errors import InvalidValueError, UnstableError, require_known
from ...core.version import __version__
from ...engines import Engine, engine_of
from ...engines.derivatives import KNOB_STEP, gradient, jacobian
from ...optics import Twiss, tune_slopes, tunes
from ...optics.distributions import gaussian
from ...surrogate import Surrogate
from . import fodo

Progress = Callable[[], None]
Mode = Literal["reverse", "forward", "fd"]

#: what can make the field
SOLVERS = ("unet", "spectral", "jutrack")

_CURRENTS = tuple(float(c) for c in np.linspace(0, 200, 9))


class Variant(NamedTuple):
    """One way to get the field, and over how many seeds it is studied."""

    name: str
    #: None for JuTrack's own space charge
    potential: Potential | None
    seeds: int
    #: whether the figures show it
    shown: bool
    #: relative step of the finite differences of Table 3
    step: float = KNOB_STEP

    def effects(self, convention: str, *, response: bool = True) -> list[CollectiveEffect]:
        """The effects of the cell; JuTrack's own knows no field that stands still."""
        if self.potential is None:
            return [fodo.jutrack_space_charge(convention)]
        return [fodo.space_charge(self.potential, convention, response=response)]


def variants(solver: str, network: str, seeds: int) -> list[Variant]:
    """The solver asked for first, then what stands beside it."""
    beside = [
        Variant("spectral", fodo.solver(), seeds, True),
        Variant("catmull-rom", fodo.solver("catmull-rom"), 1, False),
    ]
    if solver == "spectral":
        return beside
    if solver == "jutrack":
        return [Variant("jutrack", None, seeds, True), *beside]
    unet = Surrogate.load(network)
    single = unet.to(torch.float32)
    return [
        Variant("unet", unet, seeds, True),
        *beside,
        # below this step rounding in single precision outweighs the difference
        Variant("unet-float32", single, 1, False, step=1e-3),
    ]


def steps(
    tables: Sequence[int], figures: Sequence[int], seeds: int, solver: str, network: str
) -> int:
    """Count how often `run` reports progress."""
    studied = variants(solver, network, seeds)
    runs = len(fodo.CONVENTIONS) * sum(v.seeds for v in studied)
    curves = len(fodo.CONVENTIONS) * sum(v.shown for v in studied)
    return (
        (runs if {1, 2} & set(tables) else 0)
        + (runs if 3 in tables else 0)
        + (1 if 2 in figures else 0)
        + (len(_CURRENTS) * curves if 3 in figures else 0)
    )


def run(
    tables: Sequence[int] = (1, 2, 3),
    figures: Sequence[int] = (2, 3),
    particles: int = 50_000,
    seeds: int = 5,
    progress: Progress = lambda: None,
    *,
    solver: str = "unet",
    network: str = "linear",
    engine: str | Engine = "native",
) -> dict[str, Any]:
    """Compute what the tables and figures need.

    Args:
        tables, figures: which; the numbers of the others are left out.
        particles: macroparticles.
        seeds: beams 1, 2, ... to average over.
        progress: called after each part; see `steps`.
        solver: "unet", with the spectral solver beside it, or "spectral"; or "jutrack", JuTrack's
            own space charge, for the julia engine and without Figure 2.
        network: what `Surrogate.load` takes; only for "unet".
        engine: what tracks, "native" or "julia".

    Returns:
        Plain numbers, lists and dicts, ready for JSON. Under each convention stands one entry for
        each variant of the field.
    """
    require_known("solver", solver, SOLVERS)
    chosen = engine_of(engine)
    if solver == "jutrack" and 2 in figures:
        raise InvalidValueError("JuTrack's own space charge has no potential to draw in Figure 2")
    began = time.perf_counter()
    studied = variants(solver, network, seeds)
    results: dict[str, Any] = {
        "version": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "particles": particles,
        "seeds": list(range(1, seeds + 1)),
        "solver": solver,
        "engine": chosen.name,
        "assignment": "bspline",
        "current": fodo.CURRENT,
    }
    first = studied[0].potential
    if isinstance(first, Surrogate):
        results["network"] = {"source": str(network), "digest": first.about.get("digest")}
    for convention in fodo.CONVENTIONS if tables else ():
        results[convention] = {
            v.name: _mean(
                [
                    _tables(v, convention, tables, particles, seed + 1, progress, chosen)
                    for seed in range(v.seeds)
                ]
            )
            for v in studied
        }
    if 2 in figures and first is not None:
        results["field"] = _field(first, particles)
        progress()
    if 3 in figures:
        results["tune_against_current"] = {
            convention: {
                v.name: _tune_curve(v, convention, particles, progress, chosen)
                for v in studied
                if v.shown
            }
            for convention in fodo.CONVENTIONS
        }
    results["wall_time"] = time.perf_counter() - began
    return results


def _tables(
    variant: Variant,
    convention: str,
    tables: Sequence[int],
    particles: int,
    seed: int,
    progress: Progress,
    engine: Engine,
) -> dict[str, Any]:
    """Tables 1 to 3 for one beam."""
    lattice, beam = fodo.cell(), fodo.beam(particles, seed)
    effects = variant.effects(convention)
    found: dict[str, Any] = {"seed": seed}
    if {1, 2} & set(tables):
        exact = jacobian(lattice, beam, effects=effects, engine=engine)[:4, :4]
        differences = jacobian(lattice, beam, effects=effects, method="fd", engine=engine)
        found["jacobian_ad"] = exact.tolist()
        found["jacobian_fd"] = differences[:4, :4].tolist()
        found["tunes"] = _tunes(exact)
        found["jacobian_difference"] = _difference(exact, differences[:4, :4])
        progress()
    if 3 in tables:
        # the backward pass with the least rounding; the julia engine has one alone
        adjoint = "store" if engine.name == "native" else "auto"

        def by_knob(effects: Sequence[CollectiveEffect], mode: Mode) -> Any:
            return gradient(
                emittance_growth("x"),
                lattice,
                beam,
                wrt=fodo.KNOBS,
                effects=effects,
                mode=mode,
                step=variant.step,
                engine=engine,
                adjoint=adjoint,
            )

        forward, fd = by_knob(effects, "forward"), by_knob(effects, "fd")
        gradients = {"gradients_ad": forward, "gradients_fd": fd}
        if variant.potential is not None:
            frozen = variant.effects(convention, response=False)
            gradients["gradients_frozen"] = by_knob(frozen, "reverse")
        for name, values in gradients.items():
            found[name] = dict(zip(fodo.KNOBS, values.tolist(), strict=True))
        found["gradient_difference"] = _difference(forward, fd)
        found["forward_reverse_difference"] = _difference(forward, by_knob(effects, "reverse"))
        progress()
    return found


def _tunes(matrix: Any) -> list[float] | None:
    """Tunes, or None: the noise of a few particles can make the test particle unstable."""
    try:
        return [float(t) for t in tunes(matrix)]
    except UnstableError:
        return None


def _difference(a: Any, b: Any) -> float:
    """Largest relative difference of two arrays, entry by entry."""
    a, b = np.asarray(a), np.asarray(b)
    return float((np.abs(a - b) / np.abs(a)).max())


def _mean(per_seed: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean over the seeds, `spread`, the standard deviation of single seeds, and the seeds."""
    mean: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    for key in ("jacobian_ad", "jacobian_fd", "tunes"):
        present = [s[key] for s in per_seed if s.get(key) is not None]
        if present:
            stack = np.array(present)
            mean[key], spread[key] = stack.mean(0).tolist(), _std(stack).tolist()
    for key in ("gradients_ad", "gradients_fd", "gradients_frozen"):
        if key in per_seed[0]:
            stack = np.array([list(s[key].values()) for s in per_seed])
            mean[key] = dict(zip(fodo.KNOBS, stack.mean(0).tolist(), strict=True))
            spread[key] = dict(zip(fodo.KNOBS, _std(stack).tolist(), strict=True))
    for key in ("jacobian_difference", "gradient_difference", "forward_reverse_difference"):
        if key in per_seed[0]:
            mean[f"{key}_largest"] = max(s[key] for s in per_seed)
    return {**mean, "spread": spread, "per_seed": per_seed}


def _std(stack: Any) -> Any:
    return stack.std(0, ddof=1) if len(stack) > 1 else np.zeros(stack.shape[1:])


def _field(potential: Potential, particles: int) -> dict[str, Any]:
    """Figure 2: the field at the macroparticles of a Gaussian beam with sigma_x = 3 sigma_y."""
    sigma_x, sigma_y = 1.5e-3, 0.5e-3
    shape = Twiss(beta_x=1.0, alpha_x=0.0, beta_y=1.0, alpha_y=0.0)
    beam = gaussian(
        fodo.reference(), particles, twiss=shape, emittance=(sigma_x**2, sigma_y**2), quiet=True
    )
    x, y = beam.coordinate("x"), beam.coordinate("y")
    ours = own_field(potential, x, y)
    free = bassetti_erskine(x, y, sigma_x, sigma_y)
    _, *boxed = gaussian_in_box(x, y, sigma_x, sigma_y, fodo.BOX)
    shown = slice(0, min(particles, 5000))
    return {
        "sigma": [sigma_x, sigma_y],
        "from_spectral": field_error(ours, own_field(fodo.solver(), x, y)),
        "from_bassetti_erskine": field_error(ours, free),
        "from_exact_in_box": field_error(ours, boxed),
        "wall_share": field_error(boxed, free),
        "x": x[shown].tolist(),
        "y": y[shown].tolist(),
        "ours": [f[shown].tolist() for f in ours],
        "bassetti_erskine": [f[shown].tolist() for f in free],
    }


def _tune_curve(
    variant: Variant, convention: str, particles: int, progress: Progress, engine: Engine
) -> dict[str, Any]:
    """Figure 3: tunes at several currents, and their slopes by AD."""
    lattice, effects = fodo.cell(), variant.effects(convention)
    values, slopes = [], []
    for current in _CURRENTS:
        beam = fodo.beam(particles, seed=1, current=current)
        tune, slope = tune_slopes(lattice, beam, ["beam.current"], effects=effects, engine=engine)
        values.append(tune.tolist())
        slopes.append(slope[0].tolist())
        progress()
    return {"current": list(_CURRENTS), "tunes": values, "slopes": slopes}

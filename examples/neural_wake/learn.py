"""A network learns the wake of a cavity, and is corrected by measured energies through tracking.

    python examples/neural_wake/learn.py --out results

Prints errors, times and gradients, writes neural_wake.safetensors and neural_wake.png.
"""

from __future__ import annotations

import argparse
import math
import time
import timeit
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.collective import NeuralWake, Resonator, Wake
from pyjutrack.core.atomic import write_whole
from pyjutrack.surrogate import WakeRecipe, WakeSurrogate, train

Array = NDArray[np.float64]

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
CHARGE = 2e-11
#: of the line on which the wake is computed [m], and rms lengths of the bunches
WINDOW, LENGTHS = 0.3, (1e-2, 3e-2)
#: the cavity as it was computed, and as it is
COMPUTED = Resonator(frequency=2e9, shunt=1e5, quality=1.0)
BUILT = Resonator(frequency=1.8e9, shunt=1.25e5, quality=1.1)
WEIGHTS = "effects[0].model.weights"
#: relative noise of the slices' measured energies, to the largest of them
NOISE = 1e-3


def wake(of: Resonator) -> Wake:
    return Wake(of, "cavity", cells=512, window=WINDOW)


def recipe(samples: int) -> WakeRecipe:
    return WakeRecipe(window=WINDOW, lengths=LENGTHS, offset=1.5, samples=samples)


def bunch(particles: int, length: float, tail: float, seed: int) -> pj.Beam:
    """A bunch with a steep head and a tail, of a shape between those of training."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((particles, 6))
    z = rng.standard_normal(particles) - tail * np.abs(rng.standard_normal(particles))
    rows[:, 4] = length * (z - z.mean()) / z.std()
    rows[:, 5] = 1e-4 * rng.standard_normal(particles)
    return pj.Beam(ELECTRON, rows, charge=CHARGE)


def ring() -> pj.Lattice:
    """Synchrotron motion of a tune of 0.02 in one matrix, and the cavity."""
    c, s, ratio = math.cos(0.04 * math.pi), math.sin(0.04 * math.pi), 130.0
    turn = np.eye(6)
    turn[4:, 4:] = [[c, s * ratio], [-s / ratio, c]]
    return pj.Lattice([pj.TaylorMap(turn), pj.Marker(name="cavity")])


CAVITY = pj.Lattice([pj.Marker(name="cavity"), pj.Drift(1.0)])


def kick(effect: Any, beam: pj.Beam) -> Tensor:
    """Change of delta of each particle in the cavity."""
    end = pj.track(CAVITY, beam, effects=[effect])
    return end.coordinate("delta") - beam.coordinate("delta")


def error(found: Tensor, exact: Tensor) -> float:
    """rms error over the rms kick."""
    return float((found - exact).square().mean().sqrt() / exact.square().mean().sqrt())


def slices(beam: pj.Beam, count: int = 25) -> Tensor:
    """Mean delta in slices of equal charge along the bunch, its tail first."""
    order = beam.coordinate("z").detach().argsort()
    return torch.stack([part.mean() for part in beam.coordinate("delta")[order].chunk(count)])


def measure(beams: Sequence[pj.Beam]) -> list[Tensor]:
    """Energies along the bunches after the cavity as it is, with the noise of an instrument."""
    draw = torch.Generator().manual_seed(5)
    found = [slices(pj.track(CAVITY, beam, effects=[wake(BUILT)])) for beam in beams]
    return [
        read + NOISE * read.abs().max() * torch.randn(len(read), generator=draw) for read in found
    ]


def tune(
    model: WakeSurrogate, beams: Sequence[pj.Beam], measured: Sequence[Tensor], calls: int
) -> WakeSurrogate:
    """Fit the weights to what was measured, by gradients through tracking."""
    start = model.weights.numpy().copy()
    size = float(np.abs(start).max())

    def misfit(x: Array) -> tuple[float, Array]:
        effect = NeuralWake(model.replace(weights=torch.from_numpy(size * x)), "cavity")
        total, slope = 0.0, np.zeros_like(x)
        for beam, read in zip(beams, measured, strict=True):
            scale = read.square().mean()

            def figure(final: pj.Beam, read: Tensor = read, scale: Tensor = scale) -> Tensor:
                return (slices(final) - read).square().mean() / scale

            value, found = pj.value_and_gradient(
                figure, CAVITY, beam, effects=[effect], wrt=[WEIGHTS]
            )
            total, slope = total + value, slope + size * np.concatenate([np.ravel(found)])
        return total, slope

    options = {"maxfun": calls, "maxcor": 30}
    found = minimize(misfit, start / size, jac=True, method="L-BFGS-B", options=options)
    return model.replace(weights=torch.from_numpy(size * found.x))


def print_gradients(effects: dict[str, Any], beam: pj.Beam) -> None:
    """Print the rms energy spread after 20 turns, and its slopes."""
    print("\nrms of delta after 20 turns, and its slope by the charge [1/C]:")
    for name, effect in effects.items():
        value, slope = pj.value_and_gradient(
            lambda final: pj.moments.rms(final, final.coordinate("delta")),
            ring(), beam, effects=[effect], wrt=["beam.charge"], turns=20,
        )  # fmt: skip
        print(f"  {name:9}{value:14.6e}{slope[0]:14.5e}")


def print_times(effects: dict[str, Any], beam: pj.Beam, turns: int = 20) -> None:
    print(f"\nprocessor time of a kick of {len(beam)} particles, the best of 10:")
    for name, effect in effects.items():

        def passages(effect: Any = effect) -> pj.Beam:
            return pj.track(CAVITY, beam, effects=[effect], turns=turns)

        passages()
        times = timeit.repeat(passages, timer=time.process_time, number=1, repeat=10)
        print(f"  {name:9}{1e3 * min(times) / turns:8.2f} ms")


def draw(models: dict[str, Any], beam: pj.Beam, path: Path) -> None:
    """Kicks along a bunch, and how far off they are, before the correction and after it."""
    fig, axes = plotting.figure(2, width=5.0, height=3.8)
    z = 1e3 * beam.coordinate("z")
    order = z.argsort()
    styles = {"computed": "k-", "learned": "r--", "built": "b-", "corrected": "c--"}
    for name, effect in models.items():
        axes[0].plot(z[order], 1e6 * kick(effect, beam)[order], styles[name], label=name)
    counts, edges = np.histogram(z.numpy(), 80)
    depth = 0.25 * 1e6 * float(kick(models["built"], beam).abs().max())
    axes[0].fill_between(edges[:-1], 0, depth * counts / counts.max(), color="0.85", step="post")
    axes[0].set(xlabel="z [mm]", ylabel="kick of delta [1e-6]")
    axes[0].legend(frameon=False)
    for exact, name, style in (("computed", "learned", "r"), ("built", "corrected", "c")):
        reference = kick(models[exact], beam)
        off = 100 * (kick(models[name], beam) - reference) / reference.square().mean().sqrt()
        axes[1].plot(z[order], off[order], style, label=f"{name} - {exact}")
    axes[1].set(xlabel="z [mm]", ylabel="% of the rms kick")
    axes[1].legend(frameon=False)
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200, help="bunches to train on")
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=80, help="calls of the gradient, at most")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)

    computed, built = wake(COMPUTED), wake(BUILT)
    model = train(recipe(options.samples), teacher=computed)
    model.save(options.out / "neural_wake.safetensors")
    held_out = model.about["held_out"]
    print(f"kick error on {held_out['bunches']} held-out bunches: mean {held_out['mean']:.2%}, "
          f"worst {held_out['worst']:.2%} ({held_out['worst_kind']})")  # fmt: skip

    test = bunch(options.particles, 1.3e-2, 1.0, seed=9)
    effects = {"exact": computed, "network": NeuralWake(model, "cavity")}
    print_gradients(effects, test)
    print_times(effects, test)

    shapes = [(length, tail) for length in (1.1e-2, 1.5e-2, 2e-2, 2.6e-2) for tail in (0.0, 1.5)]
    beams = [bunch(options.particles, *shape, seed=n) for n, shape in enumerate(shapes)]
    better = tune(model, beams, measure(beams), options.calls)
    exact = kick(built, test)
    corrected = NeuralWake(better, "cavity")
    print("\nkick error for the cavity as it is, on a bunch that was not measured:")
    print(f"  before {error(kick(effects['network'], test), exact):.2%}, "
          f"after {error(kick(corrected, test), exact):.2%}")  # fmt: skip
    models = {"computed": computed, "learned": effects["network"]}
    draw({**models, "built": built, "corrected": corrected}, test, options.out / "neural_wake.png")
    print(f"wrote {options.out / 'neural_wake.png'}")


if __name__ == "__main__":
    main()

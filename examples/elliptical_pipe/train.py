"""Train a network to be the space charge in the elliptical pipe.

    python examples/elliptical_pipe/train.py

Writes results/elliptical_pipe.safetensors and its card; those beside this file were made by it,
with --steps 5000. A run that was stopped goes on
from its checkpoint when it is started again.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from solver import EllipticalPipe

from pyjutrack.surrogate.training import Recipe, produce


def recipe(teacher: EllipticalPipe, **changes: Any) -> Recipe:
    """Recipe of the training, on beams that the pipe holds."""
    grid = teacher.mesh.grid
    pipe = tuple(2 * a / side for a, side in zip(teacher.semi_axes, grid.size, strict=True))
    return Recipe("linear", size=grid.size, shape=grid.shape, pipe=(pipe[0], pipe[1]), **changes)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000, help="beams to train on")
    parser.add_argument("--steps", type=int, default=10_000, help="steps of the optimiser")
    parser.add_argument("--held-out", type=int, default=200, help="beams to test on")
    parser.add_argument("--out", type=Path, default=Path("results/elliptical_pipe.safetensors"))
    options = parser.parse_args(arguments)

    teacher = EllipticalPipe()
    plan = recipe(teacher, samples=options.samples, steps=options.steps)
    given = sys.argv[1:] if arguments is None else arguments
    network = produce(
        plan,
        options.out,
        teacher=teacher,
        command=shlex.join(["python", "examples/elliptical_pipe/train.py", *given]),
        held_out=options.held_out,
    )
    errors = network.about["held_out"]
    print(
        f"field error on {errors['beams']} held-out beams: mean {errors['mean']:.2%}, "
        f"worst {errors['worst']:.2%}\nwrote {options.out}"
    )


if __name__ == "__main__":
    main()

"""Train a network to be the space charge in the elliptical pipe.

    python examples/elliptical_pipe/train.py

Writes elliptical_pipe.safetensors and its card elliptical_pipe.md. A run that was stopped goes on
from its checkpoint when it is started again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from solver import EllipticalPipe
from tqdm import tqdm

from pyjutrack.files import write_text
from pyjutrack.surrogate import Recipe, card, train

HERE = Path(__file__).parent


def recipe(teacher: EllipticalPipe, **changes: Any) -> Recipe:
    """What the network is trained on: beams that the pipe holds."""
    grid = teacher.mesh.grid
    pipe = tuple(2 * a / side for a, side in zip(teacher.semi_axes, grid.size, strict=True))
    return Recipe("linear", size=grid.size, shape=grid.shape, pipe=(pipe[0], pipe[1]), **changes)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000, help="beams to train on")
    parser.add_argument("--steps", type=int, default=10_000, help="of the optimiser")
    parser.add_argument("--held-out", type=int, default=200, help="beams to test on")
    parser.add_argument("--out", type=Path, default=HERE / "elliptical_pipe.safetensors")
    options = parser.parse_args(arguments)

    teacher = EllipticalPipe()
    plan = recipe(teacher, samples=options.samples, steps=options.steps)
    checkpoint = options.out.with_suffix(".checkpoint")
    with (
        tqdm(total=plan.samples, desc="beams") as beams,
        tqdm(total=plan.steps, desc="train") as bar,
    ):

        def report(step: int, loss: float, error: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{loss:.2g}", watched=f"{error:.2%}", refresh=False)

        network = train(
            plan, teacher=teacher, checkpoint=checkpoint, report=report, drawn=beams.update
        )
    given = sys.argv[1:] if arguments is None else arguments
    command = ["python", "examples/elliptical_pipe/train.py", *given]
    network = card.described(network, plan, teacher, command=command, beams=options.held_out)
    network = network.replace(about={**network.about, "digest": network.save(options.out)})
    write_text(options.out.with_suffix(".md"), card.text(network, options.out.stem))
    checkpoint.unlink(missing_ok=True)
    errors = network.about["held_out"]
    print(
        f"field error on {errors['beams']} held-out beams: mean {errors['mean']:.2%}, "
        f"worst {errors['worst']:.2%}\nwrote {options.out}"
    )


if __name__ == "__main__":
    main()

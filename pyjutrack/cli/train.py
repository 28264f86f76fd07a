"""`pyjutrack train`: a network for the space charge."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ..surrogate.architectures import known_architectures
from .arguments import positive


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("architecture", choices=tuple(known_architectures()))
    parser.add_argument("--out", type=Path, help="file of the weights; NAME.safetensors if left")
    parser.add_argument("--samples", type=positive, default=2000, help="beams to train on")
    parser.add_argument("--steps", type=positive, default=10_000, help="of the optimiser")
    parser.add_argument("--batch", type=positive, default=16, help="beams a step")
    parser.add_argument("--rate", type=float, default=1e-2, help="first learning rate")
    parser.add_argument("--seed", type=int, default=1, help="of beams, weights and order")
    parser.add_argument("--channels", type=positive, nargs="+", help="after each step down")
    parser.add_argument("--size", type=float, nargs=2, default=(0.02, 0.02), help="of the box [m]")
    parser.add_argument("--shape", type=positive, nargs=2, default=(128, 128), help="cells")
    parser.add_argument("--held-out", type=positive, default=200, help="beams to test on")
    parser.add_argument("--device", help="cpu or cuda; if left, cuda where there is one")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..surrogate.training import Recipe, produce

    out = options.out or Path(f"{options.architecture}.safetensors")
    recipe = Recipe(
        options.architecture,
        channels=tuple(options.channels) if options.channels else None,
        size=tuple(options.size),
        shape=tuple(options.shape),
        samples=options.samples,
        steps=options.steps,
        batch=options.batch,
        rate=options.rate,
        seed=options.seed,
    )
    surrogate = produce(
        recipe,
        out,
        command=shlex.join(["pyjutrack", *options.typed]),
        held_out=options.held_out,
        device=options.device,
    )
    errors = surrogate.about["held_out"]
    print(
        f"field error on {errors['beams']} held-out beams: mean {errors['mean']:.2%}, "
        f"worst {errors['worst']:.2%}"
    )
    print(f"wrote {out} and {out.with_suffix('.md')}")
    return 0

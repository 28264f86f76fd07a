"""`pyjutrack train`: a network for the space charge."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ..surrogate.architectures import known_architectures
from .arguments import positive

EXAMPLES = (
    "linear --out box.safetensors",
    "linear --size 0.04 0.02 --shape 64 32 --channels 16 32 64 --samples 500 --steps 2000",
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "architecture", choices=tuple(known_architectures()), help="kind of network"
    )
    parser.add_argument(
        "--out", type=Path, help="file for the weights; by default ARCHITECTURE.safetensors"
    )
    parser.add_argument(
        "--samples", type=positive, default=2000, help="beams to train on, %(default)s by default"
    )
    parser.add_argument(
        "--steps",
        type=positive,
        default=10_000,
        help="steps of the optimiser, %(default)s by default",
    )
    parser.add_argument(
        "--batch", type=positive, default=16, help="beams in each step, %(default)s by default"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=1e-2,
        help="learning rate at the start, %(default)s by default",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="seed of beams, first weights and order, %(default)s by default",
    )
    parser.add_argument(
        "--channels",
        type=positive,
        nargs="+",
        help="channels of the U-Net, one number a level, two at least; each level halves the cells",
    )
    parser.add_argument(
        "--size",
        type=float,
        nargs=2,
        default=(0.02, 0.02),
        help="width and height of the box [m], 0.02 0.02 by default",
    )
    parser.add_argument(
        "--shape",
        type=positive,
        nargs=2,
        default=(128, 128),
        help="cells in x and y, 128 128 by default",
    )
    parser.add_argument(
        "--held-out",
        type=positive,
        default=200,
        help="beams to test on, never trained on, %(default)s by default",
    )
    parser.add_argument("--device", help="cpu or cuda; by default cuda if there is one")
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
        quiet=options.quiet,
    )
    errors = surrogate.about["held_out"]
    print(
        f"field error on {errors['beams']} held-out beams: mean {errors['mean']:.2%}, "
        f"worst {errors['worst']:.2%}"
    )
    print(f"wrote {out} and {out.with_suffix('.md')}")
    return 0

"""The command line: `pyjutrack reproduce`, `train`, `convert` and `julia`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .engines import ENGINES, engine_of
from .errors import PyJuTrackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="pyjutrack", description="Hybrid beam tracking with automatic differentiation."
    )
    parser.add_argument("--version", action="version", version=f"pyjutrack {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told, add in (
        (
            "reproduce",
            "the paper's tables and figures beside the published numbers",
            _reproduce_arguments,
        ),
        ("train", "a network for the space charge", _train_arguments),
        ("convert", "a network to and from ONNX and NNlib", _convert_arguments),
        ("julia", "the julia engine: install it, or see what is there", _julia_arguments),
    ):
        layout = argparse.ArgumentDefaultsHelpFormatter
        add(commands.add_parser(name, help=told, formatter_class=layout))
    options = parser.parse_args(arguments)
    options.typed = sys.argv[1:] if arguments is None else list(arguments)
    try:
        status: int = options.run(options)
    except (PyJuTrackError, OSError) as error:
        print(f"pyjutrack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pyjutrack: interrupted", file=sys.stderr)
        return 130
    return status


def _reproduce_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", type=int, nargs="+", choices=(1, 2, 3), help="only these")
    parser.add_argument("--figure", type=int, nargs="+", choices=(2, 3), help="only these")
    parser.add_argument(
        "--solver", choices=("unet", "spectral", "jutrack"), default="unet", help="the field"
    )
    parser.add_argument("--engine", choices=ENGINES, default="native", help="what tracks")
    parser.add_argument("--network", default="linear", help="one that ships, or a file of weights")
    parser.add_argument("--particles", type=_positive, default=50_000, help="macroparticles")
    parser.add_argument("--seeds", type=_positive, default=5, help="beams to average over")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the files")
    parser.set_defaults(run=_reproduce)


def _reproduce(options: argparse.Namespace) -> int:
    # heavy imports only for the command that needs them
    from tqdm import tqdm

    from .files import write_json
    from .reproduce import figures, study, tables

    chosen = options.table is not None or options.figure is not None
    which_tables = tuple(sorted(set(options.table or ()))) if chosen else (1, 2, 3)
    every = (3,) if options.solver == "jutrack" else (2, 3)
    which_figures = tuple(sorted(set(options.figure or ()))) if chosen else every
    field = {"solver": options.solver, "network": options.network}
    engine = engine_of(options.engine)
    total = study.steps(which_tables, which_figures, options.seeds, **field)
    with tqdm(total=total, desc="reproduce", unit="part", file=sys.stderr) as bar:
        results = study.run(
            which_tables,
            which_figures,
            options.particles,
            options.seeds,
            lambda: bar.update(),
            engine=engine,
            **field,
        )
    if which_tables:
        print(tables.text(results, which_tables))
    if "field" in results:
        print(f"\n{tables.field_text(results['field'], options.solver)}\n")
    write_json(options.out / "results.json", results)
    for path in figures.draw(results, options.out):
        print(f"wrote {path}")
    print(f"wrote {options.out / 'results.json'} ({results['wall_time']:.0f} s)")
    return 0


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("architecture", choices=("linear", "variational", "pix2pix"))
    parser.add_argument("--out", type=Path, help="file of the weights; NAME.safetensors if left")
    parser.add_argument("--samples", type=_positive, default=2000, help="beams to train on")
    parser.add_argument("--steps", type=_positive, default=10_000, help="of the optimiser")
    parser.add_argument("--batch", type=_positive, default=16, help="beams a step")
    parser.add_argument("--rate", type=float, default=1e-2, help="first learning rate")
    parser.add_argument("--seed", type=int, default=1, help="of beams, weights and order")
    parser.add_argument("--channels", type=_positive, nargs="+", help="after each step down")
    parser.add_argument("--size", type=float, nargs=2, default=(0.02, 0.02), help="of the box [m]")
    parser.add_argument("--shape", type=_positive, nargs=2, default=(128, 128), help="cells")
    parser.add_argument("--held-out", type=_positive, default=200, help="beams to test on")
    parser.add_argument("--device", help="cpu or cuda; if left, cuda where there is one")
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    from .surrogate.training import Recipe, produce

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


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a network that ships, or a file in any of the formats")
    parser.add_argument("out", type=Path, help="NAME.safetensors, NAME.onnx or NAME.nnlib")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="of NNlib arrays")
    foreign = parser.add_argument_group("for ONNX files of others")
    standard = foreign.add_mutually_exclusive_group()
    standard.add_argument(
        "--jutrack", action="store_true", help="standardised and smoothed as JuTrack's generator"
    )
    standard.add_argument(
        "--standardise",
        type=float,
        nargs=4,
        metavar=("MEAN_IN", "STD_IN", "MEAN_OUT", "STD_OUT"),
        help="of the maps that the network was trained on",
    )
    foreign.add_argument("--size", type=float, nargs=2, help="of the box [m]")
    foreign.add_argument(
        "--shape", type=_positive, nargs=2, help="cells, if the file leaves them open"
    )
    parser.set_defaults(run=_convert)


def _convert(options: argparse.Namespace) -> int:
    from .surrogate import conversion

    standardisation, smoothing = None, None
    if options.jutrack:
        standardisation, smoothing = conversion.JUTRACK, (2.0, 5)
    elif options.standardise:
        standardisation = conversion.Standardisation(*options.standardise)
    foreign = {
        "size": tuple(options.size) if options.size else None,
        "shape": tuple(options.shape) if options.shape else None,
        "standardisation": standardisation,
        "smoothing": smoothing,
    }
    surrogate = conversion.read(options.source, **foreign)
    conversion.write(surrogate, options.out, dtype=options.dtype)
    print(f"wrote {options.out}")
    return 0


def _julia_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("setup", "status"),
        help="install and precompile, or say what is found and what is missing",
    )
    parser.set_defaults(run=_julia)


def _julia(options: argparse.Namespace) -> int:
    from .engines.julia import installing

    if options.action == "setup":
        installing.setup()
    lines, ready = installing.status()
    print("\n".join(lines))
    return 0 if ready else 1


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return value


if __name__ == "__main__":
    sys.exit(main())

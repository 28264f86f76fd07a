"""`pyjutrack reproduce`: the paper's tables and figures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..engines import ENGINES, engine_of
from .arguments import positive

EXAMPLES = ("", "--table 2 3 --solver spectral --seeds 1", "--engine julia --seeds 2")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", type=int, nargs="+", choices=(1, 2, 3), help="only these tables")
    parser.add_argument("--figure", type=int, nargs="+", choices=(2, 3), help="only these figures")
    parser.add_argument(
        "--solver",
        choices=("unet", "spectral", "jutrack"),
        default="unet",
        help="what computes the field, %(default)s by default",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="native",
        help="engine that tracks, %(default)s by default",
    )
    parser.add_argument(
        "--network",
        default="linear",
        help="network of the package, or a file of weights; %(default)s by default",
    )
    parser.add_argument(
        "--particles", type=positive, default=50_000, help="macroparticles, %(default)s by default"
    )
    parser.add_argument(
        "--seeds", type=positive, default=5, help="beams to average over, %(default)s by default"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        help="folder of the results, %(default)s by default",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    # heavy imports only for the command that needs them
    from tqdm import tqdm

    from ..core.atomic import write_json
    from .paper import figures, study, tables

    chosen = options.table is not None or options.figure is not None
    which_tables = tuple(sorted(set(options.table or ()))) if chosen else (1, 2, 3)
    every = (3,) if options.solver == "jutrack" else (2, 3)
    which_figures = tuple(sorted(set(options.figure or ()))) if chosen else every
    field = {"solver": options.solver, "network": options.network}
    engine = engine_of(options.engine)
    total = study.steps(which_tables, which_figures, options.seeds, **field)
    with tqdm(
        total=total, desc="reproduce", unit="part", file=sys.stderr, disable=options.quiet
    ) as bar:
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

"""Command line: `python -m benchmarks [--case NAME] [--json FILE]`."""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path
from typing import Any

CASES = (
    *("kick", "networks", "derivatives", "adjoint", "learning", "optics", "rings", "guests"),
    *("files", "ranks", "rank_costs", "settings"),
    *("profile", "scaling", "learning_long"),
    *("space_charge", "wakes", "beam_beam", "radiation", "together", "engines", "gradients"),
)
#: those that need no more than the extra `bench`, and not minutes
_USUAL = CASES[: CASES.index("learning_long")]
#: what every library here reads when it is first imported
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main() -> None:
    args = _arguments()
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(args.threads)
    os.environ["NUMBA_NUM_THREADS"] = str(args.threads)

    # only now, with the environment set
    import numba
    import torch

    from . import machine, report

    torch.set_num_threads(args.threads)
    numba.set_num_threads(args.threads)
    about = machine.describe(args.threads)
    report.print_header(about)
    tables: list[report.Table] = []
    for name in args.case or _USUAL:
        case = importlib.import_module(f"{__package__}.case_{name}")
        tables.append(case.run(args.particles, args.repeats, args.threads))
        report.print_table(tables[-1])
        if args.json:  # after each, so that what was measured is there whatever comes
            settings: dict[str, Any] = {"particles": args.particles, "repeats": args.repeats}
            report.write_json(args.json, about, settings, tables)
            print(f"\nwritten: {args.json}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--case", action="append", choices=CASES, help="may be given again")
    parser.add_argument("--particles", type=_positive, default=50_000)
    parser.add_argument("--repeats", type=_positive, default=15, help="rounds of the comparison")
    parser.add_argument("--threads", type=_positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


if __name__ == "__main__":
    main()

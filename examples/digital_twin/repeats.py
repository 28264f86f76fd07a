"""Are the errors that the calibration states right? Fifty machines, each with its own campaign.

Every machine has other hidden errors, another field error, and other noise. Counted
is how often the truth lies within the 95 % interval of what was found.

    python repeats.py --repeats 50 --workers 2 --store repeats.jsonl

goes on where it was stopped. It takes a minute a machine and core.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from machine import Machine, plan
from twin import KNOBS, LEARNED, twin

import pyjutrack as pj
from pyjutrack.core.atomic import write_json

SHOTS = 24


def repeat(seed: int) -> dict[str, Any]:
    """One machine: truth, value and stated error of each unknown that has a truth."""
    machine = Machine.draw(seed)
    data = machine.measure(plan(SHOTS, 1000 + seed), seed=seed)
    found = pj.calibrate(twin(), data, [*KNOBS, *LEARNED], held_out=0, tolerance=2e-5)
    rows = {label: (true, *found[label]) for label, true in machine.truth().items()}
    return {"rows": rows, "mean_square": found.mean_square(), "message": found.message}


def summary(values: list[dict[str, Any]]) -> dict[str, Any]:
    """Coverage of the 95 % intervals, of all unknowns and of the quadrupoles, and pulls."""
    table = np.array([[v["rows"][label] for label in v["rows"]] for v in values])
    labels = list(values[0]["rows"])
    pulls = (table[..., 1] - table[..., 0]) / table[..., 2]
    inside = np.abs(pulls) < 1.959964
    quadrupoles = [i for i, label in enumerate(labels) if label.endswith(".k1")]
    return {
        "machines": len(values),
        "intervals": int(inside.size),
        "coverage": float(inside.mean()),
        "coverage_quadrupoles": float(inside[:, quadrupoles].mean()),
        "by_unknown": dict(zip(labels, inside.mean(0).tolist(), strict=True)),
        "rms_pull": dict(zip(labels, np.sqrt((pulls**2).mean(0)).tolist(), strict=True)),
        "mean_pull": dict(zip(labels, pulls.mean(0).tolist(), strict=True)),
        "mean_square": float(np.mean([v["mean_square"] for v in values])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", type=Path, default=Path("repeats.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("repeats.json"))
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.workers, mp_context=spawn) as executor:
        done = pj.distributed.scan(
            repeat, range(given.repeats), executor=executor, store=given.store, progress=True
        )
    for outcome in done:
        if outcome.error:
            print(f"machine {outcome.point}: {outcome.error}")
    found = summary([o.value for o in done if o.error is None])
    write_json(given.out, found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

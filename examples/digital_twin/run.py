"""Calibrate the twin of a hidden machine, and compare it with physics alone and with a black box.

    python run.py --out results

writes what was found as JSON, a picture, the report of the calibration, and the twin itself. It
takes two minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from black_box import black_box
from machine import NOISE, QUADRUPOLES, Machine, Settings, plan
from numpy.typing import NDArray
from twin import KNOBS, LEARNED, twin

import pyjutrack as pj
from pyjutrack.core.atomic import write_json, write_whole
from pyjutrack.plotting.figure import sheet

Array = NDArray[np.float64]
Predictor = Callable[[Settings], dict[str, Array]]

HIDDEN = Machine(dict(zip(QUADRUPOLES, (0.09, -0.07, -0.1, 0.08), strict=True)))
SHOTS, UNSEEN = 48, 16


def study(shots: int = SHOTS, unseen: int = UNSEEN, particles: int = 4096) -> dict[str, Any]:
    """Everything that is compared, by name, and the calibration of the hybrid model."""
    data = HIDDEN.measure(plan(shots, seed=1), seed=2)
    design = twin(particles)
    options: dict[str, Any] = {"held_out": 0.1, "tolerance": 2e-5}
    physics = pj.calibrate(design, data, KNOBS, **options)
    hybrid = pj.calibrate(design, data, [*KNOBS, *LEARNED], **options)
    tests = plan(unseen, seed=3)
    truth = [HIDDEN.profiles(s) for s in tests]
    predictors: dict[str, Predictor] = {
        "design": design.predict,
        "physics": physics.twin.predict,
        "black_box": black_box(data),
        "hybrid": hybrid.twin.predict,
    }
    predicted = {name: [p(s) for s in tests] for name, p in predictors.items()}
    peak = float(np.mean([profile.max() for shot in truth for profile in shot.values()]))
    errors = {name: _rms(found, truth) / peak for name, found in predicted.items()}
    return {
        "calibration": hybrid,
        "errors": errors,
        "noise": NOISE / peak,
        "quadrupoles": {
            label: {"true": true, "found": hybrid[label][0], "sigma": hybrid[label][1]}
            for label, true in HIDDEN.truth().items()
        },
        "physics_quadrupoles": {label: physics[label] for label in HIDDEN.truth()},
        "tests": tests,
        "truth": truth,
        "predicted": predicted,
    }


def _rms(found: Sequence[dict[str, Array]], truth: Sequence[dict[str, Array]]) -> float:
    off = [(f[n] - t[n]) ** 2 for f, t in zip(found, truth, strict=True) for n in t]
    return float(np.sqrt(np.mean(off)))


def picture(found: dict[str, Any], path: Path) -> None:
    """The worst predicted setting: profiles of the truth and of each model."""
    names = [n for n in found["truth"][0] if n.startswith(("s2", "s3"))]
    worst = int(
        np.argmax(
            [
                _rms([p], [t])
                for p, t in zip(found["predicted"]["hybrid"], found["truth"], strict=True)
            ]
        )
    )
    figure = sheet(9, 6)
    axes = figure.subplots(2, 2)
    styles = {"physics": ("tab:blue", "--"), "black_box": ("tab:green", ":"), "hybrid": ("k", "-")}
    for ax, name in zip(axes.flat, names, strict=True):
        truth = found["truth"][worst][name]
        x = (np.arange(truth.size) + 0.5) / truth.size * 16 - 8
        ax.plot(x, truth, "o", color="tab:red", markersize=4, label="machine")
        for model, (colour, line) in styles.items():
            profile = found["predicted"][model][worst][name]
            ax.plot(x, profile, line, color=colour, label=model.replace("_", " "))
        ax.set_title(name, fontsize=10)
        ax.set_xlabel(f"{name[-1]} [mm]")
        ax.set_ylabel("share of the beam")
    axes.flat[0].legend(fontsize=8, frameon=False)
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=120))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--shots", type=int, default=SHOTS)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    found = study(given.shots)
    numbers = {k: found[k] for k in ("errors", "noise", "quadrupoles", "physics_quadrupoles")}
    given.out.mkdir(parents=True, exist_ok=True)
    write_json(given.out / "digital_twin.json", numbers)
    picture(found, given.out / "digital_twin.png")
    found["calibration"].report(given.out / "report")
    print(found["calibration"])
    print(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()

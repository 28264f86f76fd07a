"""Calibrations that were killed go on to the same end, to the bit; those of others do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from twin_cases import line, linear, measured, scan, small, unknowns

import pyjutrack as pj
from pyjutrack.twin import Calibration, Measurements, Unknown, calibrate

TWIN = small()
UNKNOWNS = [
    *(Unknown(f"q{i}.k1", prior=0.1, relative=True) for i in (1, 2)),
    Unknown("field.weights", prior=1.0),
]


@pytest.fixture(scope="module")
def data() -> Measurements:
    return measured(small(unknowns=(Unknown("q1.k1", relative=True, value=0.05),)), scan(4))


def same(a: Calibration, b: Calibration) -> None:
    np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(a.posterior.covariance, b.posterior.covariance)
    assert a.history == b.history
    assert (a.converged, a.message, a.held_out) == (b.converged, b.message, b.held_out)


@pytest.mark.parametrize(
    ("method", "held_out"), [("gauss-newton", 0.25), ("gauss-newton", 0), ("adam", 0.25)]
)
def test_a_killed_run_goes_on_to_the_bit(
    method: str, held_out: float, data: Measurements, tmp_path: Path
) -> None:
    file = tmp_path / "runs" / "run.safetensors"
    options = {"method": method, "shots": 2, "held_out": held_out, "rate": 0.03, "patience": 8}
    whole = calibrate(small(), data, UNKNOWNS, max_steps=5, **options)
    for steps in (0, 1, 3, 5):
        part = calibrate(small(), data, UNKNOWNS, max_steps=steps, checkpoint=file, **options)
    assert whole.history[-1].step > 3
    same(part, whole)
    assert [p.name for p in file.parent.iterdir()] == [file.name]
    # one that has ended is taken as it is
    again = calibrate(small(), data, UNKNOWNS, max_steps=5, checkpoint=file, **options)
    same(again, whole)


def test_the_file_of_another_run_is_refused(data: Measurements, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    calibrate(small(), data, UNKNOWNS, max_steps=1, checkpoint=file)
    kept = file.read_bytes()

    def refused(match: str, twin=TWIN, data=data, wanted=UNKNOWNS, **changes: object) -> None:
        with pytest.raises(
            pj.errors.InvalidValueError,
            match=f"another calibration \\(another {match}\\); remove it to",
        ):
            calibrate(twin, data, wanted, max_steps=1, checkpoint=file, **changes)

    refused("loss", loss="huber")
    refused("method", method="adam")
    refused("set of held-out shots", held_out=[0, 1])
    refused("seed", seed=3, held_out=calibrate(small(), data, UNKNOWNS, max_steps=0).held_out)
    refused("set of unknowns", wanted=[*UNKNOWNS[:2], Unknown("field.weights", prior=2.0)])
    other = {n: r + 1e-9 for n, r in data.readings.items()}
    refused("set of measurements", data=Measurements(data.settings, other))
    start = "model, start or error of the readings"
    wide = Measurements(data.settings, data.readings, {"end.wire_x": 2e-3})
    refused(start, data=wide)
    longer = pj.Lattice([*line()[:-1], pj.Drift(1e-3), line()[-1]])
    refused(start, twin=small(lattice=longer))
    refused(start, wanted=[Unknown("q1.k1", 0.1, relative=True, value=1e-3), *UNKNOWNS[1:]])
    assert file.read_bytes() == kept


def test_a_damaged_file_is_refused(data: Measurements, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    calibrate(small(), data, UNKNOWNS, max_steps=1, checkpoint=file)
    whole = file.read_bytes()
    for broken in (b"", whole[:100], whole[:-8] + bytes(8), b"\x80\x04K\x01."):
        file.write_bytes(broken)
        with pytest.raises(
            pj.errors.InvalidValueError, match=r"run.safetensors .*remove it to start"
        ):
            calibrate(small(), data, UNKNOWNS, max_steps=1, checkpoint=file)


def test_a_folder_is_no_checkpoint(data: Measurements, tmp_path: Path) -> None:
    with pytest.raises(
        pj.errors.InvalidValueError,
        match=r"is a folder, and no file of a checkpoint.*; name a file",
    ) as caught:
        calibrate(small(), data, UNKNOWNS, checkpoint=tmp_path)
    assert "remove" not in str(caught.value)


def test_settings_in_another_order_are_the_same(data: Measurements, tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    calibrate(small(), data, UNKNOWNS, max_steps=1, checkpoint=file)
    turned = Measurements([dict(reversed(s.items())) for s in data.settings], data.readings)
    assert list(turned.settings[0]) != list(data.settings[0])
    again = calibrate(small(), turned, UNKNOWNS, max_steps=3, checkpoint=file)
    same(again, calibrate(small(), data, UNKNOWNS, max_steps=3))


def test_costs_that_are_infinite_are_kept(tmp_path: Path) -> None:
    """A held-out shot in which no particle arrives: its error is infinite all the time."""
    twin = linear()
    lattice = pj.Lattice(
        [*twin.lattice[:-1], pj.Aperture(half_width=0.1, half_height=0.1), twin.lattice[-1]]
    )
    twin = twin.replace(lattice=lattice)
    data = measured(twin, [{"c2.hkick": 0.0}] * 3)
    data = Measurements([*data.settings[:2], {"c2.hkick": 0.5}], data.readings)
    file = tmp_path / "run.safetensors"
    options = {"held_out": [2], "patience": 3, "checkpoint": file}
    first = calibrate(twin, data, unknowns(1e-4), max_steps=1, **options)
    assert [step.held_out for step in first.history] == [np.inf] * 2
    again = calibrate(twin, data, unknowns(1e-4), max_steps=1, **options)
    same(again, first)


def test_reading_a_file_runs_nothing(data: Measurements, tmp_path: Path) -> None:
    """A pickle where the checkpoint should be is refused, and not run."""
    file, mark = tmp_path / "run.safetensors", tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple:
            return Path.touch, (mark,)

    torch.save({"x": Bomb()}, file)
    with pytest.raises(pj.errors.InvalidValueError, match="no whole safetensors file"):
        calibrate(small(), data, UNKNOWNS, checkpoint=file)
    assert not mark.exists()

"""The example of measured files: what comes out of an archive is what the machine hides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj

pytest.importorskip("h5py")
example = load_example("measured_profiles")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return example.archive(tmp_path_factory.mktemp("archive"))


def test_what_is_saturated_is_masked_and_the_rest_is_the_reading(paths: dict[str, Path]) -> None:
    twin = example.design()
    data = example.measurements(paths, twin)
    assert data.used["end.wire_x"].all()
    masked = ~data.used["end.screen"]
    assert 50 < masked.sum() < 500
    real = twin.replace(
        unknowns=[pj.Unknown(a, relative=True, value=v) for a, v in example.HIDDEN.items()]
    )
    read = np.stack([real.predict(s)["end.screen"] for s in data.settings])
    assert (example.COUNTS * read[masked]).min() > 0.5 * example.FULL
    ours = data.in_scale("end.screen", read)
    off = (ours - data.readings["end.screen"])[~masked] / twin.diagnostic("end.screen").noise
    assert np.abs(off).max() < 5


def test_the_quadrupoles_are_found(paths: dict[str, Path]) -> None:
    twin = example.design()
    data = example.measurements(paths, twin)
    unknowns = [pj.Unknown(a, prior=0.1, relative=True) for a in example.HIDDEN]
    fit = pj.calibrate(twin, data, unknowns, held_out=0)
    for address, error in example.HIDDEN.items():
        value, sigma = fit[address]
        assert abs(value - error) < 3 * sigma < 0.01

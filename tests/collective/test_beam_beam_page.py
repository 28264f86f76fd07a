"""The table of docs/beam_beam.md is what is found."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pages import ROOT

import pyjutrack as pj
from pyjutrack.collective import BeamBeam

PAGE = (ROOT / "docs" / "beam_beam.md").read_text()


def errors(slicing: str, piwinski: float, counts: list[int]) -> list[float]:
    """Of the largest kick, over the rms kick, of an hourglass of a waist as long as the bunch."""
    x, y, z = 1e-5, 5e-6, 1e-2
    draw = np.random.default_rng(0).normal(size=(100, 6))
    beam = pj.Beam(
        pj.Reference.from_total("positron", 45e9), draw * [x, 1e-4, y, 1e-4, z, 1e-3]
    )  # fmt: skip
    place = pj.Lattice([pj.Marker(name="ip")])

    def kicks(slicing: str, count: int) -> np.ndarray:
        effect = BeamBeam(
            "ip", -1.6e-9, x, y, z, x / z, y / z, angle=float(np.arctan(piwinski * x / z)),
            slicing=slicing, count=count,
        )  # fmt: skip
        end = pj.track(place, beam, effects=[effect])
        return (end.numpy() - beam.numpy())[:, [1, 3]]

    exact = kicks("even", 800)
    return [float(np.abs(kicks(slicing, n) - exact).max() / exact.std()) for n in counts]


@pytest.mark.filterwarnings("ignore:slices of the bunch:pyjutrack.errors.ResolutionWarning")
def test_the_table_of_slices() -> None:
    head, *rows = re.search(r"<!-- slices table -->\n((?:\|.*\n)+)", PAGE)[1].splitlines()
    counts = [int(n) for n in re.findall(r"\d+", head)]
    for row in rows[1:]:
        name, piwinski, *said = (cell.strip() for cell in row.strip("|").split("|"))
        found = errors(name.strip('`"'), float(piwinski), counts)
        np.testing.assert_allclose([float(e) for e in said], found, rtol=0.1)

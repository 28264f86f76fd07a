"""The example of docs/beam_beam.md runs as written; its tune and slopes are found another way."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pages import ROOT, blocks, run

import pyjutrack as pj
from pyjutrack.collective import BeamBeam

PAGE = (ROOT / "docs" / "beam_beam.md").read_text()

CHECKS = """
import dataclasses
from scipy.constants import physical_constants

def tune_of(**changed):
    effect = dataclasses.replace(electrons, **changed)
    return float(vertical_tune(pj.track(ring, pj.Beam(positron, start), effects=[effect]), None))

for name, slope in zip(names, slopes, strict=True):
    value = getattr(electrons, name)
    far, near = ((tune_of(**{name: value * (1 + h)}) - tune_of(**{name: value * (1 - h)}))
                 / (2 * h * value) for h in (2e-4, 1e-4))
    assert abs(slope / ((4 * near - far) / 3) - 1) < 1e-4, name

# to first order in the charge: the integral of the gradient of the field times beta / (4 pi)
z = np.linspace(-6, 6, 60001) * electrons.sigma_z
density = np.exp(-0.5 * (z / electrons.sigma_z) ** 2)
density /= density.sum()
s = z / 2
beta_y = beta["y"] + s**2 / beta["y"]
sigma = {u: size[u] * np.sqrt(1 + (s / beta[u]) ** 2) for u in "xy"}
x = torch.tensor(z * math.tan(electrons.angle))
y = torch.full_like(x, 1e-12)
by_y = pj.collective.bassetti_erskine(
    x, y, torch.tensor(sigma["x"]), torch.tensor(sigma["y"])
)[1].numpy() / 1e-12
radius = physical_constants["classical electron radius"][0]
strength = 2 * 1.7e11 * radius / positron.gamma
first = -(strength * density * by_y * beta_y).sum() / (4 * math.pi)
small = 1e-3
shift = (tune_of(charge=small * electrons.charge) - tune["y"]) / small
assert abs(shift / first - 1) < 0.01, (shift, first)
"""


def test_the_example_runs() -> None:
    (example,) = blocks("docs/beam_beam.md", "beam-beam example")
    said = run(example + CHECKS).splitlines()
    assert len(said) == 6
    assert "\n".join(said) in PAGE


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

"""A diagnostic of a user that inherits nothing: in a twin like ours, in files and in fits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from twin_cases import beam

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.beam.moments import mean
from pyjutrack.twin import Measurements, Twin, Unknown, calibrate, storable


@storable
@dataclasses.dataclass(frozen=True)
class SumSignal:
    """The mean of x + y [m]."""

    at: str
    name: str = "sum"
    noise: float = 1e-6

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def read(self, beam: pj.Beam) -> torch.Tensor:
        return mean(beam, beam.coordinates[..., 0] + beam.coordinates[..., 2])


LATTICE = pj.Lattice(
    [
        pj.Kicker(0.1, hkick=0.0, name="kick"),
        pj.Drift(0.5),
        pj.Quadrupole(0.2, k1=2.0, name="q1"),
        pj.Drift(0.5),
        pj.Marker(name="end"),
    ]
)


def test_it_is_read_saved_and_calibrated(tmp_path: Path) -> None:
    twin = Twin(LATTICE, beam(200), [SumSignal("end"), dg.BeamPosition("end")])
    settings = [{"kick.hkick": value} for value in (-1e-4, 0.0, 1e-4, 2e-4)]
    true = twin.replace(unknowns=[Unknown("q1.k1", value=0.1)])
    readings = {}
    for name in ("sum", "end.position"):
        rows = np.stack([true.predict(s)[name] for s in settings])
        readings[name] = dg.add_noise(rows, twin.diagnostic(name), 1)
    twin.save(tmp_path / "twin.safetensors")
    found = Twin.load(tmp_path / "twin.safetensors")
    assert found.diagnostics == twin.diagnostics
    np.testing.assert_array_equal(
        found.predict(settings[3])["sum"], twin.predict(settings[3])["sum"]
    )
    data = Measurements(settings, {"sum": readings["sum"]})
    fitted = calibrate(twin, data, [Unknown("q1.k1")], held_out=[3])
    assert abs(float(fitted.twin.unknowns[0].value) - 0.1) < 0.05

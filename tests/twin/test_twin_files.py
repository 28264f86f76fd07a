"""Twins and calibrations in files: the same to the bit."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from live_cases import line, scan, small
from safetensors.torch import load_file
from twin_cases import SPLINE, beam, measured, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.core import tensorfile
from pyjutrack.twin import (
    Calibration,
    GaussianProcess,
    Measurements,
    Twin,
    Unknown,
    calibrate,
    storable,
)


@storable
@dataclasses.dataclass(frozen=True, kw_only=True)
class Tilted(dg.BeamPosition):
    """A diagnostic of a user's own, with plain data and a tensor."""

    matrix: torch.Tensor

    def read(self, beam: pj.Beam) -> torch.Tensor:
        return (self.matrix @ super().read(beam).unsqueeze(-1)).squeeze(-1)


def everything() -> Twin:
    """A twin with all that a file should hold."""
    scraper = pj.Aperture(half_width=4e-3, half_height=5e-3, shape="ellipse", dx=1e-4)
    instruments = [
        *wires(),
        dg.Screen("middle", size=(0.02, 0.016), shape=(12, 10), resolution=(5e-4, 6e-4)),
        dg.BeamSize("middle", noise=1e-5),
        dg.LossCount("end"),
        dg.LossCount("end", opening=scraper, smoothing=1e-3, name="soft"),
        Tilted("end", matrix=torch.tensor([[0.1, 1 / 3], [2.0, -1e-300]], dtype=torch.float64)),
    ]
    form = pj.elements.potentials.Perceptron((5, 4), scales=(3e-3, 4e-3, 0.1), seed=3)
    learned = pj.HamiltonianKick(form, form.start().cumsum(0) / 30, name="net", strength=0.7)
    lattice = pj.Lattice([line(), scraper, learned, pj.Marker(name="last")])
    kick = pj.SpaceCharge(
        pj.SpectralPoisson((0.024, 0.022), (40, 36), "catmull-rom", (12, 11)),
        max_step={"Drift": 0.1, "Quadrupole": 0.05},
        perveance_scale=torch.tensor(0.9, dtype=torch.float64),
    )
    alive = torch.arange(400) % 7 > 0
    bunch = beam(400).replace(alive=alive, current=torch.tensor(40.0))
    return small(lattice=lattice, beam=bunch, diagnostics=instruments, effects=[kick])


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert list(a) == list(b)
    for name, reading in a.items():
        np.testing.assert_array_equal(b[name], reading)
        assert b[name].dtype == reading.dtype


def test_a_twin_comes_back_to_the_bit(tmp_path: Path) -> None:
    twin = everything()
    digest = twin.save(tmp_path / "twin.safetensors")
    found = Twin.load(tmp_path / "twin.safetensors")
    for settings in ({}, *scan(2)):
        assert_same(twin.predict(settings), found.predict(settings))
    assert found.lattice == twin.lattice or found.lattice.names == twin.lattice.names
    assert found.beam.reference == twin.beam.reference
    assert torch.equal(found.beam.alive, twin.beam.alive)
    assert [u.prior for u in found.unknowns] == [u.prior for u in twin.unknowns]
    assert found.save(tmp_path / "again.safetensors") == digest


FRESH = """
import sys
import numpy as np
from pyjutrack.twin import Calibration, Twin

kind = {"twin": Twin, "calibration": Calibration}[sys.argv[1]]
found = kind.load(sys.argv[2])
readings = (found if kind is Twin else found.twin).predict({"q1.k1": 19.0})
np.savez(sys.argv[3], **readings)
"""


@pytest.mark.parametrize("kind", ["twin", "calibration"])
def test_networks_in_a_fresh_process(
    tmp_path: Path, make_surrogate, calibration: Calibration, kind: str
) -> None:
    """Nothing of the package needs to be loaded before a file with it is read."""
    network = make_surrogate("linear", cells=(64, 64), size=(0.024, 0.024))
    twin = small(effects=[pj.SpaceCharge(network.replace(outside="ignore"), max_step=0.3)])
    saved = twin if kind == "twin" else dataclasses.replace(calibration, twin=twin)
    saved.save(tmp_path / "it.safetensors")
    command = [sys.executable, "-c", FRESH, kind, "it.safetensors", "it.npz"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "it.npz") as found:
        assert_same(twin.predict({"q1.k1": 19.0}), dict(found))


LOADED = """
import sys
import pyjutrack.twin
from pyjutrack.core import storage

if sys.argv[1] == "all":
    import contextlib, importlib, pkgutil
    for module in pkgutil.walk_packages(pyjutrack.__path__, "pyjutrack."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # of a package that is not installed
                importlib.import_module(module.name)
else:
    try:
        pyjutrack.twin.Twin.load(sys.argv[1])
    except pyjutrack.PyJuTrackError:
        pass
print(*sorted([*storage._KINDS, *storage._DESCRIPTIONS]))
"""


def test_all_kinds_of_the_package_are_known_where_files_are_read(tmp_path: Path) -> None:
    known, existing = (
        subprocess.run(
            [sys.executable, "-c", LOADED, how],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        ).stdout.split()
        for how in (str(tmp_path / "none"), "all")
    )
    assert known == existing
    assert {"Surrogate", "Network", "Screen", "Twin"} <= set(known)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_networks_in_the_solvers_place(tmp_path: Path, make_surrogate, dtype) -> None:
    network = make_surrogate("linear", cells=(64, 64), size=(0.024, 0.024)).to(dtype)
    network = network.replace(outside="ignore", about={"teacher": "a solver", "errors": [0.1, 0.2]})
    twin = small(effects=[pj.SpaceCharge(network, max_step=0.3)])
    twin.save(tmp_path / "twin.safetensors")
    found = Twin.load(tmp_path / "twin.safetensors")
    assert_same(twin.predict({"q1.k1": 19.0}), found.predict({"q1.k1": 19.0}))
    potential = found.effects[0].potential
    assert potential.domain == network.domain
    assert (potential.outside, potential.network.dtype) == ("ignore", dtype)


def test_single_precision_stays_single(tmp_path: Path) -> None:
    twin = small(beam=beam(400).to(torch.float32))
    twin.save(tmp_path / "twin.safetensors")
    assert_same(twin.predict(), Twin.load(tmp_path / "twin.safetensors").predict())


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    hidden = small(unknowns=(Unknown("q1.k1", relative=True, value=0.03),))
    data = measured(hidden, scan(5))
    used = {n: np.ones(r.shape, bool) for n, r in data.readings.items()}
    used["end.wire_x"][1, 3] = False
    data.readings["end.wire_x"][1, 3] = np.nan
    sigma = {"end.wire_x": 2e-3, "end.wire_y": np.full((5, 24), 1e-3)}
    masked = Measurements(data.settings, data.readings, sigma, used)
    wanted = [Unknown("q1.k1", relative=True), Unknown("field.weights", prior=0.1)]
    return calibrate(hidden.replace(unknowns=()), masked, wanted, held_out=[1], max_steps=2)


def test_a_calibration_comes_back_whole(tmp_path: Path, calibration: Calibration) -> None:
    calibration.save(tmp_path / "c.safetensors")
    found = Calibration.load(tmp_path / "c.safetensors")
    for a, b in zip(calibration.predict(scan(1)[0]), found.predict(scan(1)[0]), strict=True):
        assert_same(a, b)
    assert found.table() == calibration.table()
    assert found.history == calibration.history
    assert (found.held_out, found.converged, found.message) == (
        calibration.held_out,
        calibration.converged,
        calibration.message,
    )
    assert found.posterior is not None
    assert calibration.posterior is not None
    np.testing.assert_array_equal(found.posterior.covariance, calibration.posterior.covariance)
    assert_same(calibration.residuals(), found.residuals())
    assert found.data.settings == calibration.data.settings
    assert_same(dict(calibration.data.used), dict(found.data.used))


def test_what_is_infinite_or_missing_comes_back(tmp_path: Path, calibration: Calibration) -> None:
    steps = (dataclasses.replace(calibration.history[0], held_out=np.inf),)
    bare = calibration.replace(posterior=None, history=steps, held_out=())
    bare.save(tmp_path / "c.safetensors")
    found = Calibration.load(tmp_path / "c.safetensors")
    assert found.posterior is None
    assert found.history == steps
    assert np.isinf(found.twin.unknowns[0].prior)


def test_only_frozen_dataclasses_are_recorded() -> None:
    class Loose:
        pass

    @dataclasses.dataclass
    class Thawed:
        pass

    @dataclasses.dataclass(frozen=True)
    class Twin:
        pass

    for kind, word in (
        (Loose, "frozen"),
        (Thawed, "frozen"),
        (Twin, "another storable kind is named .Twin., that of pyjutrack.twin.model"),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=word):
            storable(kind)
    assert storable(Tilted) is Tilted


def test_impossible_files_are_refused(tmp_path: Path, calibration: Calibration) -> None:
    with pytest.raises(
        pj.errors.InvalidValueError, match="is a folder, and no file of a calibration"
    ):
        Calibration.load(tmp_path)
    with pytest.raises(pj.errors.InvalidValueError, match="no file of a gaussian process at"):
        GaussianProcess.load(tmp_path / "none")
    (tmp_path / "base.py").write_text("a file")
    below = tmp_path / "base.py" / "twin.safetensors"
    for save in (small().save, calibration.save):
        with pytest.raises(
            pj.errors.InvalidValueError, match=r"base.py/twin\S* cannot be wri"
        ) as caught:
            save(below)
        assert isinstance(caught.value.__cause__, OSError)
        with pytest.raises(
            pj.errors.InvalidValueError, match=r"is a folder; give the name of a file"
        ):
            save(tmp_path)
    with pytest.raises(pj.errors.InvalidValueError, match=r"base.py/\S*png cannot be written"):
        calibration.report(tmp_path / "base.py")
    assert [p.name for p in tmp_path.iterdir()] == ["base.py"]


def test_one_kind_is_not_another(tmp_path: Path, calibration: Calibration) -> None:
    calibration.save(tmp_path / "c.safetensors")
    with pytest.raises(pj.errors.InvalidValueError, match="no twin of this package"):
        Twin.load(tmp_path / "c.safetensors")


def test_the_file_is_numbers_and_json(tmp_path: Path) -> None:
    small().save(tmp_path / "twin.safetensors")
    described, tensors, _ = tensorfile.read(tmp_path / "twin.safetensors", holds="twin")
    assert json.loads(json.dumps(described)) == described
    assert tensors.keys() == load_file(tmp_path / "twin.safetensors").keys()
    assert "twin.beam.coordinates" in tensors
    assert tensors["twin.unknowns.2.value"].shape == (SPLINE.count,)


@pytest.mark.parametrize("kind", ["images", "network"])
def test_learned_corrections_come_back(tmp_path, kind):
    solver = pj.SpectralPoisson((0.024, 0.024), (40, 40))
    start = (
        pj.collective.ImageCharges(solver, 2)
        if kind == "images"
        else pj.surrogate.ResidualNetwork.small(solver)
    )
    draw = torch.Generator().manual_seed(3)
    noise = torch.randn(len(start.weights), generator=draw, dtype=torch.float64)
    learned = dataclasses.replace(start, weights=start.weights + 1e-2 * noise)
    twin = small().replace(effects=[pj.SpaceCharge(learned, max_step=0.4)])
    twin.save(tmp_path / "twin.safetensors")
    back = pj.Twin.load(tmp_path / "twin.safetensors")
    before, plain = twin.predict(), small().predict()
    for name, reading in back.predict().items():
        np.testing.assert_array_equal(reading, before[name])
        assert not np.array_equal(reading, plain[name])

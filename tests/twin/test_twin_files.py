"""Twins in files: the same to the bit, and refused where they cannot be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from twin_cases import line, small, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Twin, Unknown

SOLVER = pj.SpectralPoisson((0.024, 0.024), (40, 40), "catmull-rom", (11, 12))


def drawn(count: int, seed: int = 3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, generator=draw, dtype=torch.float64)


def images() -> pj.ImageCharges:
    start = pj.ImageCharges(SOLVER, order=2, radius=7e-3)
    return dataclasses.replace(start, weights=0.1 * drawn(len(start.weights)))


def network() -> pj.ResidualNetwork:
    start = pj.ResidualNetwork.small(images(), seed=2)
    return dataclasses.replace(start, weights=start.weights + 1e-3 * drawn(len(start.weights)))


POTENTIALS = {"solver": lambda: SOLVER, "images": images, "network": network}


@pytest.mark.parametrize("potential", POTENTIALS)
def test_a_twin_comes_back_to_the_bit(potential: str, tmp_path: Path) -> None:
    kick = pj.SpaceCharge(
        POTENTIALS[potential](), {"Drift": 0.2, "Quadrupole": 0.1}, perveance_scale=0.9
    )
    instruments = [
        *wires(),
        dg.BeamPosition("q2", noise=1e-5),
        dg.Screen("end", size=(0.02, 0.016), shape=(12, 10), resolution=(1e-3, 5e-4)),
        dg.LossCount("end", opening=pj.Aperture(half_width=4e-3, half_height=3e-3), smoothing=5e-4),
    ]
    twin = small(instruments=instruments).replace(lattice=line(drawn(16)), kicks=[kick])
    twin = twin.replace(
        unknowns=[
            Unknown("q1.k1", relative=True, value=0.03),
            Unknown("field.weights", prior=1.0, value=0.1 * drawn(16, 5)),
            Unknown("beam.beta_x", prior=0.1, relative=True, value=-0.02),
        ]
    )
    twin.save(tmp_path / "twin.safetensors")
    back = Twin.load(tmp_path / "twin.safetensors")
    settings = {"q1.k1": 21.0, "beam.current": 30.0}
    ours, theirs = twin.predict(settings), back.predict(settings)
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_array_equal(theirs[name], ours[name])
    assert [(u.address, u.prior, u.relative) for u in back.unknowns] == [
        (u.address, u.prior, u.relative) for u in twin.unknowns
    ]
    digest = back.save(tmp_path / "again.safetensors")
    assert Twin.load(tmp_path / "again.safetensors").save(tmp_path / "once more") == digest


def test_a_shipped_network_comes_back(tmp_path: Path) -> None:
    network = pj.Surrogate.load("linear", outside="ignore")
    twin = small().replace(kicks=[pj.SpaceCharge(network, max_step=0.4)])
    twin.save(tmp_path / "twin.safetensors")
    back = Twin.load(tmp_path / "twin.safetensors")
    for name, reading in twin.predict().items():
        np.testing.assert_array_equal(back.predict()[name], reading)


def test_what_no_file_holds_is_refused(tmp_path: Path) -> None:
    @dataclasses.dataclass(frozen=True)
    class Mine(pj.SpectralPoisson):
        pass

    path = tmp_path / "twin.safetensors"
    with pytest.raises(pj.InvalidValueError, match="cannot hold a Mine"):
        small().replace(kicks=[pj.SpaceCharge(Mine((0.024, 0.024), (36, 36)))]).save(path)
    weights = drawn(16).requires_grad_()
    with pytest.raises(pj.InvalidValueError, match="carries derivatives"):
        small().replace(lattice=line(weights)).save(path)

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Eye(dg.BeamPosition):
        pass

    with pytest.raises(pj.InvalidValueError, match="Eye is no kind of"):
        small(instruments=[Eye("end")]).save(path)
    assert not path.exists()


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "twin.safetensors"
    with pytest.raises(pj.InvalidValueError, match="no file"):
        Twin.load(path)
    small().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(pj.InvalidValueError, match="no whole safetensors file"):
        Twin.load(path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(pj.InvalidValueError, match="was changed"):
        Twin.load(path)
    pj.Surrogate.load("linear").save(path)
    with pytest.raises(pj.InvalidValueError, match="is no twin"):
        Twin.load(path)

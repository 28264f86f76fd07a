"""Beams in openPMD files: back as they were, and as openpmd-beamphysics itself sees them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from openpmd_files import C, group_of, h5py
from scipy import constants as codata

import pyjutrack as pj
from pyjutrack.beam import moments
from pyjutrack.errors import LatticeFileError
from pyjutrack.io import read_beam, write_beam


@pytest.fixture
def beam(wide):
    alive = wide.alive.clone()
    alive[[3, 500]] = False
    return wide.replace(alive=alive)


def test_a_beam_comes_back(tmp_path, beam):
    write_beam(tmp_path / "b.h5", beam)
    back = read_beam(tmp_path / "b.h5")
    assert back.reference == beam.reference
    assert back.current == beam.current
    assert torch.equal(back.alive, beam.alive)
    assert torch.allclose(back.coordinates, beam.coordinates, rtol=1e-12, atol=1e-15)
    assert [p.name for p in tmp_path.iterdir()] == ["b.h5"]


@pytest.mark.parametrize("current", [0.0, 1 / 3, 200.0])
@pytest.mark.parametrize("duration", [1.0, 3e-9])
def test_the_current_comes_back_exactly(tmp_path, beam, current, duration):
    write_beam(tmp_path / "b.h5", beam.replace(current=current), duration=duration)
    assert read_beam(tmp_path / "b.h5").current == current
    if current:
        charge = group_of(tmp_path / "b.h5").charge
        assert charge == pytest.approx(current * duration, rel=1e-13)
        told = read_beam(tmp_path / "b.h5", duration=2 * duration).current
        assert told == pytest.approx(current / 2, rel=1e-13)


def test_other_species_and_far_energies_come_back(tmp_path, wide):
    for species, energy in (
        (pj.Species.ion(207.9, 54.0, "Pb54+"), 1e10),
        (pj.Species.from_name("electron"), 1e10),
        (pj.Species.from_name("antiproton"), 1e4),
    ):
        beam = wide.replace(reference=pj.Reference.from_kinetic(species, energy))
        write_beam(tmp_path / "b.h5", beam)
        back = read_beam(tmp_path / "b.h5")
        assert back.reference == beam.reference
        assert torch.allclose(back.coordinates, beam.coordinates, rtol=1e-12, atol=1e-15)


def test_moments_are_those_of_particle_group(tmp_path, wide):
    write_beam(tmp_path / "b.h5", wide)
    seen = group_of(tmp_path / "b.h5")
    p0c, mass = wide.reference.p0c, wide.reference.species.mass
    mean, sigma = moments.centroid(wide), moments.sizes(wide)
    assert seen["mean_x"] == pytest.approx(float(mean[0]), rel=1e-10)
    assert seen["mean_py"] == pytest.approx(float(mean[3]) * p0c, rel=1e-10)
    for name, value in (("sigma_x", sigma[0]), ("sigma_y", sigma[2]), ("sigma_px", sigma[1] * p0c)):
        assert seen[name] == pytest.approx(float(value), rel=1e-10)
    assert seen["sigma_p"] == pytest.approx(float(sigma[5]) * p0c, rel=1e-10)
    for plane in "xy":
        ours = float(moments.emittance(wide, plane, normalized=True))
        unbiased = ours * len(wide) / (len(wide) - 1)  # as numpy.cov has it
        assert seen[f"norm_emit_{plane}"] == pytest.approx(unbiased, rel=1e-8)
    assert seen["mean_gamma"] == pytest.approx(
        float(((wide.coordinates[:, 5] + 1) * p0c / mass).square().add(1).sqrt().mean()), rel=1e-8
    )
    # a particle ahead passes earlier, by z at its own velocity
    assert np.allclose(-C * seen.beta * seen.t, wide.coordinates[:, 4], rtol=1e-8, atol=1e-15)
    assert seen.n_alive == len(wide)


def test_lost_particles_have_another_status(tmp_path, beam):
    write_beam(tmp_path / "b.h5", beam)
    seen = group_of(tmp_path / "b.h5")
    assert seen.n_dead == 2
    alive = seen.where(seen.status == 1)
    assert alive["mean_x"] == pytest.approx(float(moments.centroid(beam)[0]), rel=1e-10)


def test_lost_particles_without_momentum_along_s(tmp_path, wide):
    coordinates, alive = wide.coordinates.clone(), wide.alive.clone()
    coordinates[7, 1], alive[7] = 2.0, False
    write_beam(tmp_path / "b.h5", wide.replace(coordinates=coordinates, alive=alive))
    back = read_beam(tmp_path / "b.h5")
    assert torch.allclose(back.coordinates[8:], coordinates[8:], rtol=1e-12, atol=1e-15)
    assert group_of(tmp_path / "b.h5").pz[7] == 0
    assert back.coordinates[7, 1] == 2.0
    assert not back.alive[7]


@pytest.mark.parametrize("amount", [{}, {"current": 2.0}, {"charge": 3e-9}])
@pytest.mark.parametrize("even", [None, 0.5])
def test_weights_and_charges_come_back(tmp_path, beam, amount, even):
    weights = torch.rand(len(beam), generator=torch.Generator().manual_seed(3))
    weights[5] = 0.0
    weights = weights if even is None else torch.full((len(beam),), even)
    sent = beam.replace(**{"current": 0.0} | amount, weights=weights)
    write_beam(tmp_path / "b.h5", sent, duration=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = read_beam(tmp_path / "b.h5")
    assert back.intensity == sent.intensity
    torch.testing.assert_close(back.weights, sent.weights, rtol=1e-15, atol=0)
    seen = group_of(tmp_path / "b.h5")
    total = 0.5 * sent.current + sent.charge or codata.e * len(beam)
    assert seen.charge == pytest.approx(total * float(sent.weights.mean()), rel=1e-13)
    told = read_beam(tmp_path / "b.h5", duration=0.1)
    assert told.intensity == (pytest.approx(total / 0.1, rel=1e-13), 0.0)
    torch.testing.assert_close(told.weights, sent.weights, rtol=1e-15, atol=0)


def test_a_bunch_acts_the_same_from_its_file(tmp_path, wide):
    """The wake of a resonator, of charge and weights."""
    rows = wide.coordinates[:100] * torch.tensor([1.0, 1.0, 1.0, 1.0, 1e-2, 1e-3])
    mode = pj.collective.Resonator(frequency=5e9, shunt=1e7, quality=2.0)
    wake = pj.collective.Wake(mode, "gap", window=0.02)
    weights = None if not wake.weighted else torch.linspace(0.5, 1.5, 100)
    bunch = pj.Beam(wide.reference, rows, charge=1e-9, weights=weights)
    write_beam(tmp_path / "b.h5", bunch)
    line = pj.Lattice([pj.Marker(name="gap")])
    ends = [pj.track(line, b, effects=[wake]) for b in (bunch, read_beam(tmp_path / "b.h5"))]
    moved = (ends[0].coordinates - bunch.coordinates).abs().max()
    assert moved > 1e-9
    torch.testing.assert_close(ends[1].coordinates, ends[0].coordinates, rtol=1e-12, atol=1e-15)


def test_truncated_files_are_refused(tmp_path, wide):
    write_beam(tmp_path / "b.h5", wide)
    whole = (tmp_path / "b.h5").read_bytes()
    for share in (0.3, 0.9):
        (tmp_path / "cut.h5").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(LatticeFileError, match=r"cut\.h5: "):
            read_beam(tmp_path / "cut.h5")


def test_what_cannot_be_written_leaves_the_file_alone(tmp_path, wide):
    write_beam(tmp_path / "b.h5", wide)
    before = (tmp_path / "b.h5").read_bytes()
    batch = wide.replace(coordinates=wide.coordinates.expand(2, -1, -1), alive=None)
    with pytest.raises(pj.errors.InvalidValueError, match="a batch of shape"):
        write_beam(tmp_path / "b.h5", batch)
    with pytest.raises(pj.errors.InvalidValueError, match="must be finite"):
        write_beam(tmp_path / "b.h5", wide.replace(coordinates=wide.coordinates * np.nan))
    with pytest.raises(
        pj.errors.InvalidValueError, match="duration must be a finite number above 0"
    ):
        write_beam(tmp_path / "b.h5", wide, duration=0.0)
    with pytest.raises(pj.errors.InvalidValueError, match="all weights are zero"):
        write_beam(tmp_path / "b.h5", wide.replace(weights=torch.zeros(len(wide))))
    assert (tmp_path / "b.h5").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_has_changed_is_refused(tmp_path, wide):
    """Every bit of a coordinate or a weight counts, and so does the current."""
    path = tmp_path / "b.h5"
    write_beam(path, wide.replace(weights=torch.linspace(0.5, 1.5, len(wide))))
    data = path.read_bytes()
    with h5py.File(path, "r") as file:
        x = np.ravel(group_of(path).x)[:4].tobytes()
        (name,) = [n for n in _names(file) if n.endswith("position/x")]
        assert file[name].shape == (len(wide),)
    at = data.index(x)
    weight = data.index(np.ravel(group_of(path).weight)[:4].tobytes())
    for place in (at, at + 9, at + 8 * len(wide) - 1, weight):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(LatticeFileError, match=r"b\.h5: damaged, or changed since it"):
            read_beam(path)
    path.write_bytes(data)
    with h5py.File(path, "r+") as file:
        (group,) = [file[n] for n in _names(file) if "pyjutrack_current" in file[n].attrs]
        group.attrs["pyjutrack_current"] = 2.0
    with pytest.raises(LatticeFileError, match=r"changed since (write_beam|it was written)"):
        read_beam(path)


def _names(file):
    found = []
    file.visit(found.append)
    return found

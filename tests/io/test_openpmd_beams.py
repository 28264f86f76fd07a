"""Beams in openPMD files: back as they were, and as openpmd-beamphysics itself sees them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from scipy import constants as codata

import pyjutrack as pj
from pyjutrack.beam import moments
from pyjutrack.errors import LatticeFileError, LatticeWarning
from pyjutrack.io import read_beam, write_beam

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing it loads what draws, with warnings of its own
    beamphysics = pytest.importorskip("beamphysics")
    pytest.importorskip("beamphysics.particles")
h5py = pytest.importorskip("h5py")
C = codata.c


def _group(path):
    with h5py.File(path, "r") as file:
        return beamphysics.ParticleGroup(h5=file)


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
        charge = _group(tmp_path / "b.h5").charge
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
    seen = _group(tmp_path / "b.h5")
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
    seen = _group(tmp_path / "b.h5")
    assert seen.n_dead == 2
    alive = seen.where(seen.status == 1)
    assert alive["mean_x"] == pytest.approx(float(moments.centroid(beam)[0]), rel=1e-10)


def test_lost_particles_without_momentum_along_s(tmp_path, wide):
    coordinates, alive = wide.coordinates.clone(), wide.alive.clone()
    coordinates[7, 1], alive[7] = 2.0, False
    write_beam(tmp_path / "b.h5", wide.replace(coordinates=coordinates, alive=alive))
    back = read_beam(tmp_path / "b.h5")
    assert torch.allclose(back.coordinates[8:], coordinates[8:], rtol=1e-12, atol=1e-15)
    assert _group(tmp_path / "b.h5").pz[7] == 0
    assert back.coordinates[7, 1] == 2.0
    assert not back.alive[7]


def _foreign(path, **changes):
    generator = np.random.default_rng(1)
    n = 200
    data = {
        **{k: 1e-3 * generator.normal(size=n) for k in ("x", "y")},
        **{k: 1e5 * generator.normal(size=n) for k in ("px", "py")},
        "pz": 1e9 * (1 + 1e-3 * generator.normal(size=n)),
        "z": np.zeros(n),
        "t": 5e-9 + 1e-11 * generator.normal(size=n),
        "status": np.ones(n, int),
        "weight": np.full(n, 1e-12),
        "species": "electron",
    }
    group = beamphysics.ParticleGroup(data=data | changes)
    group.write(str(path))
    return group


def test_a_foreign_file_says_what_was_assumed(tmp_path):
    theirs = _foreign(tmp_path / "f.h5")
    with pytest.warns(LatticeWarning) as caught:
        beam = read_beam(tmp_path / "f.h5")
    (said,) = (str(w.message) for w in caught)
    assert "names no reference momentum; the mean" in said
    assert (beam.current, beam.weights) == (0.0, None)
    assert beam.charge == pytest.approx(200e-12, rel=1e-12)
    assert beam.reference.p0c == pytest.approx(theirs["mean_p"], rel=1e-14)
    assert beam.reference.species.name == "electron"
    late = np.argmax(theirs.t)
    assert int(beam.coordinates[:, 4].argmin()) == late
    assert float(moments.sizes(beam)[4]) == pytest.approx(C * theirs["sigma_t"], rel=1e-5)


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
    seen = _group(tmp_path / "b.h5")
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


def _by_hand(path, weights, record, unit=1.0, total=None, constant=False):
    """A file of three electrons with no help of that package, as its standard has it."""
    dimensions = {
        "position": (1, 0, 0, 0, 0, 0, 0),
        "momentum": (1, 1, -1, 0, 0, 0, 0),
        "time": (0, 0, 1, 0, 0, 0, 0),
        "particleStatus": (0, 0, 0, 0, 0, 0, 0),
        "weight": (0, 0, 1, 1, 0, 0, 0),
        "weighting": (0, 0, 0, 0, 0, 0, 0),
    }
    with h5py.File(path, "w") as file:
        file.attrs["openPMD"] = np.bytes_("2.0.0")
        file.attrs["openPMDextension"] = np.bytes_("BeamPhysics;SpeciesType")
        file.attrs["basePath"] = np.bytes_("/data/%T/")
        file.attrs["particlesPath"] = np.bytes_("particles/")
        group = file.create_group("data/1/particles/beam")
        group.attrs["speciesType"] = np.bytes_("electron")
        group.attrs["numParticles"] = 3
        group.attrs["totalCharge"] = np.sum(weights) if total is None else total
        group.attrs["chargeUnitSI"] = 1.0
        eV = codata.e / codata.c

        def put(name, values, unit=1.0):
            group[name] = np.asarray(values)
            group[name].attrs["unitSI"] = unit
            group[name].attrs["unitDimension"] = dimensions[name.split("/")[0]]

        for axis, scale in (("x", 1.0), ("y", -2.0), ("z", 0.0)):
            put(f"position/{axis}", scale * np.array([1.0, 2.0, 3.0]), 1e-3)
        for axis, values in (("x", [1e3, 0, 0]), ("y", [0, 0, 0]), ("z", [1e9, 1e9, 1e9])):
            put(f"momentum/{axis}", values, eV)
        put("time", [0.0, 0.0, 0.0])
        put("particleStatus", [1, 1, 1])
        if constant:
            group.create_group(record).attrs.update(
                {"value": weights[0], "shape": (3,), "unitSI": unit}
            )
            group[record].attrs["unitDimension"] = dimensions[record]
        else:
            put(record, weights, unit)


REFERENCE = pj.Reference.from_p0c("electron", 1e9)


def test_a_file_by_the_standard_is_a_weighted_bunch(tmp_path):
    _by_hand(tmp_path / "h.h5", [1.0, 2.0, 3.0], "weight", unit=1e-12, total=6e-12)
    beam = read_beam(tmp_path / "h.h5", REFERENCE)
    assert beam.intensity == (0.0, pytest.approx(6e-12, rel=1e-14))
    np.testing.assert_allclose(beam.weights, [0.5, 1.0, 1.5], rtol=1e-14)
    np.testing.assert_allclose(beam.coordinates[:, 0], [1e-3, 2e-3, 3e-3], rtol=1e-14)
    np.testing.assert_allclose(beam.coordinates[:, 1], [1e-6, 0, 0], rtol=1e-14)
    # the weighted mean, as openpmd-beamphysics has it
    seen = _group(tmp_path / "h.h5")
    assert float(moments.centroid(beam)[0]) == pytest.approx(seen["mean_x"], rel=1e-14)
    coasting = read_beam(tmp_path / "h.h5", REFERENCE, duration=2e-9)
    assert coasting.intensity == (pytest.approx(3e-3, rel=1e-14), 0.0)


@pytest.mark.parametrize("constant", [False, True])
def test_numbers_of_real_particles_are_charges(tmp_path, constant):
    """The record `weighting` of the base standard, which openpmd-beamphysics does not know."""
    numbers = [4e6, 4e6, 4e6] if constant else [1e6, 2e6, 3e6]
    _by_hand(tmp_path / "n.h5", numbers, "weighting", total=1.0, constant=constant)
    beam = read_beam(tmp_path / "n.h5", REFERENCE)
    assert beam.charge == pytest.approx(sum(numbers) * codata.e, rel=1e-14)
    if constant:
        assert beam.weights is None
    else:
        np.testing.assert_allclose(beam.weights, [0.5, 1.0, 1.5], rtol=1e-14)


def test_an_even_charge_without_weights(tmp_path):
    _by_hand(tmp_path / "t.h5", [1.0, 1.0, 1.0], "weight", total=6e-12)
    with h5py.File(tmp_path / "t.h5", "a") as file:
        del file["data/1/particles/beam/weight"]
    beam = read_beam(tmp_path / "t.h5", REFERENCE)
    assert beam.charge == pytest.approx(6e-12, rel=1e-14)
    assert beam.weights is None


def test_a_reference_and_a_duration_need_no_warning(tmp_path):
    theirs = _foreign(tmp_path / "f.h5")
    reference = pj.Reference.from_p0c("electron", 1.1e9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        beam = read_beam(tmp_path / "f.h5", reference, duration=1e-9)
    assert beam.reference == reference
    assert beam.current == pytest.approx(0.2, rel=1e-12)
    assert np.allclose(beam.coordinates[:, 1] * 1.1e9, theirs.px, rtol=1e-14)
    assert np.allclose((1 + beam.coordinates[:, 5]) * 1.1e9, theirs.p, rtol=1e-14)


def test_particles_at_one_time_are_moved_to_one_plane(tmp_path):
    z = 1e-3 * np.random.default_rng(2).normal(size=200)
    theirs = _foreign(tmp_path / "f.h5", z=z, t=np.full(200, 5e-9))
    reference = pj.Reference.from_p0c("electron", 1e9)
    beam = read_beam(tmp_path / "f.h5", reference, duration=1.0)
    theirs.drift_to_z(np.mean(z))
    assert np.allclose(beam.coordinates[:, 0], theirs.x, rtol=0, atol=1e-17)
    z_theirs = -C * theirs.beta * (theirs.t - np.mean(theirs.t))
    assert np.allclose(beam.coordinates[:, 4], z_theirs, rtol=0, atol=1e-13)


def test_species_of_the_other_package_and_unknown_ones(tmp_path):
    _foreign(tmp_path / "h.h5", species="H-")
    with pytest.warns(LatticeWarning):
        species = read_beam(tmp_path / "h.h5").reference.species
    assert (species.name, species.charge) == ("H-", -1)
    assert species.mass == pytest.approx(939.294e6, rel=1e-5)
    _foreign(tmp_path / "x.h5", species="proto")
    with pytest.raises(LatticeFileError, match=r"x\.h5.*'proto'; did you mean 'proton'.*species="):
        read_beam(tmp_path / "x.h5")
    ion = pj.Species.ion(12.0, 6.0)
    with pytest.warns(LatticeWarning):
        assert read_beam(tmp_path / "x.h5", species=ion).reference.species == ion


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(LatticeFileError, match=r"none\.h5: there is no such file"):
        read_beam(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("x y z\n1 2 3\n", encoding="utf-8")
    with pytest.raises(LatticeFileError, match=r"text\.h5: not an HDF5 file"):
        read_beam(tmp_path / "text.h5")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(LatticeFileError, match=r"empty\.h5: the file holds no particles"):
        read_beam(tmp_path / "empty.h5")
    _foreign(tmp_path / "two.h5")
    with h5py.File(tmp_path / "two.h5", "a") as file:
        file.copy("particles/electron", "particles/positron")
    with pytest.raises(LatticeFileError, match=r"several bunches or species: .*electron.*positron"):
        read_beam(tmp_path / "two.h5")
    _foreign(tmp_path / "dead.h5", status=np.zeros(200, int))
    with pytest.raises(LatticeFileError, match=r"dead\.h5: "):
        read_beam(tmp_path / "dead.h5")
    with h5py.File(tmp_path / "dead.h5", "a") as file:
        del file["particles/electron/momentum"]
    with pytest.raises(LatticeFileError, match=r"dead\.h5: openpmd-beamphysics cannot read it"):
        read_beam(tmp_path / "dead.h5")


def test_bad_numbers_are_refused(tmp_path):
    reference = pj.Reference.from_p0c("electron", 1e9)
    weight = np.full(200, 1e-12)
    for bad, said in ((-2e-12, "weights of some particles are negative"), (np.nan, "finite")):
        weight[3] = bad
        _foreign(tmp_path / "w.h5", weight=weight)
        with pytest.raises(LatticeFileError, match=rf"w\.h5: .*{said}"):
            read_beam(tmp_path / "w.h5", reference)
    x = np.zeros(200)
    x[5] = np.nan
    _foreign(tmp_path / "n.h5", x=x)
    with pytest.raises(LatticeFileError, match=r"n\.h5: particle 5 has x = nan"):
        read_beam(tmp_path / "n.h5", reference, duration=1.0)


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
        x = np.ravel(_group(path).x)[:4].tobytes()
        (name,) = [n for n in _names(file) if n.endswith("position/x")]
        assert file[name].shape == (len(wide),)
    at = data.index(x)
    weight = data.index(np.ravel(_group(path).weight)[:4].tobytes())
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

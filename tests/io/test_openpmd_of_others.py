"""openPMD files of other programs: charges, weights, references, and what is assumed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from openpmd_files import C, group_of, h5py, write_foreign
from scipy import constants as codata

import pyjutrack as pj
from pyjutrack.beam import moments
from pyjutrack.errors import LatticeFileError, LatticeWarning
from pyjutrack.io import read_beam


def test_a_foreign_file_says_what_was_assumed(tmp_path):
    theirs = write_foreign(tmp_path / "f.h5")
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
    seen = group_of(tmp_path / "h.h5")
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
    theirs = write_foreign(tmp_path / "f.h5")
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
    theirs = write_foreign(tmp_path / "f.h5", z=z, t=np.full(200, 5e-9))
    reference = pj.Reference.from_p0c("electron", 1e9)
    beam = read_beam(tmp_path / "f.h5", reference, duration=1.0)
    theirs.drift_to_z(np.mean(z))
    assert np.allclose(beam.coordinates[:, 0], theirs.x, rtol=0, atol=1e-17)
    z_theirs = -C * theirs.beta * (theirs.t - np.mean(theirs.t))
    assert np.allclose(beam.coordinates[:, 4], z_theirs, rtol=0, atol=1e-13)


def test_species_of_the_other_package_and_unknown_ones(tmp_path):
    write_foreign(tmp_path / "h.h5", species="H-")
    with pytest.warns(LatticeWarning):
        species = read_beam(tmp_path / "h.h5").reference.species
    assert (species.name, species.charge) == ("H-", -1)
    assert species.mass == pytest.approx(939.294e6, rel=1e-5)
    write_foreign(tmp_path / "x.h5", species="proto")
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
    write_foreign(tmp_path / "two.h5")
    with h5py.File(tmp_path / "two.h5", "a") as file:
        file.copy("particles/electron", "particles/positron")
    with pytest.raises(LatticeFileError, match=r"several bunches or species: .*electron.*positron"):
        read_beam(tmp_path / "two.h5")
    write_foreign(tmp_path / "dead.h5", status=np.zeros(200, int))
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
        write_foreign(tmp_path / "w.h5", weight=weight)
        with pytest.raises(LatticeFileError, match=rf"w\.h5: .*{said}"):
            read_beam(tmp_path / "w.h5", reference)
    x = np.zeros(200)
    x[5] = np.nan
    write_foreign(tmp_path / "n.h5", x=x)
    with pytest.raises(LatticeFileError, match=r"n\.h5: particle 5 has x = nan"):
        read_beam(tmp_path / "n.h5", reference, duration=1.0)

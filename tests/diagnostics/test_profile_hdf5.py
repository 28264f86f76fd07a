"""HDF5 files of profiles: openPMD series of others, and what is wrong with its dataset."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from profile_file_cases import AXIS, IMAGES, PROFILES

import pyjutrack as pj
from pyjutrack import diagnostics as dg


def write_series(path, *, order="C", labels=(b"y", b"x"), unit=1e-3, records=("density",), n=1):
    """A series as others write it: millimetres, float32, its own unit, y before x."""
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    with h5py.File(path, "w") as file:
        file.attrs["openPMD"] = "1.1.0"
        file.attrs["basePath"] = "/data/%T/"
        file.attrs["meshesPath"] = "fields/"
        for i in range(n):
            for record in records:
                mesh = file.create_dataset(f"data/{100 * i}/fields/{record}", data=values + i)
                mesh.attrs["axisLabels"] = np.array(labels, "S")
                mesh.attrs["dataOrder"] = np.bytes_(order)
                mesh.attrs["gridSpacing"] = np.array([0.5, 0.25][:: 1 if order == "C" else -1])
                mesh.attrs["gridGlobalOffset"] = [-1.0, 2.0][:: 1 if order == "C" else -1]
                mesh.attrs["gridUnitSI"] = unit
                mesh.attrs["unitSI"] = 10.0
                mesh.attrs["position"] = [0.5, 0.5]
    return values


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_openpmd_series_of_others(tmp_path, order):
    labels = (b"y", b"x") if order == "C" else (b"x", b"y")
    values = write_series(tmp_path / "a.h5", order=order, labels=labels, n=2)
    found = dg.read_profiles(tmp_path / "a.h5")
    assert found.labels == ("x", "y")
    np.testing.assert_allclose(found.values, [10 * values.T, 10 * (values.T + 1)])
    np.testing.assert_allclose(found.axes[0], [2.125e-3, 2.375e-3, 2.625e-3])
    np.testing.assert_allclose(found.axes[1], [-0.75e-3, -0.25e-3, 0.25e-3, 0.75e-3])
    assert found.name == "density"


def test_a_series_that_openpmd_api_wrote():
    """Written by openPMD-api 0.17.1: image (10, 20), y before x, at iterations 0 and 10."""
    found = dg.read_profiles(Path(__file__).parent / "data" / "openpmd_api.h5")
    image = np.arange(200.0).reshape(10, 20)
    np.testing.assert_array_equal(found.values, [2 * image.T, 2 * (image.T + 10)])
    np.testing.assert_allclose(found.axes[0], 1e-3 * (-2 + 0.2 * (np.arange(20) + 0.5)))
    np.testing.assert_allclose(found.axes[1], 1e-3 * (-1 + 0.1 * (np.arange(10) + 0.5)))
    assert (found.labels, found.name) == (("x", "y"), "image")


def test_iterations_with_leading_zeros(tmp_path):
    """The standard lets a series number its iterations 000100, by %06T."""
    write_series(tmp_path / "a.h5", n=2)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.move("data/100", "data/000100")
    assert len(dg.read_profiles(tmp_path / "a.h5")) == 2


def test_one_address_as_plain_text(tmp_path):
    dg.write_profiles(tmp_path / "a.h5", PROFILES.replace(settings=({"q1.k1": 2.0},) * 3))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["settings"].attrs["addresses"] = "q1.k1"
    assert dg.read_profiles(tmp_path / "a.h5").knob("q1.k1").tolist() == [2.0] * 3


def test_one_mesh_of_several_by_name(tmp_path):
    path = tmp_path / "a.h5"
    write_series(path, records=("density", "E/x"))
    with pytest.raises(
        pj.errors.MeasurementError, match=r"record=: E/x, density|record=: density, E/x"
    ):
        dg.read_profiles(path)
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'density'"):
        dg.read_profiles(path, record="densty")
    assert dg.read_profiles(path, record="density").name == "density"


def _edit(path, change):
    with h5py.File(path, "a") as file:
        change(file)


def _drop(name):
    return lambda file: file.__delitem__(name)


def _attribute(place, name, value=None):
    def change(file):
        if value is None:
            del file[place].attrs[name]
        else:
            file[place].attrs[name] = value

    return change


def _instead(name, value):
    """Another dataset; a group where there is no value."""

    def change(file):
        kept = {}
        if name in file:
            kept = dict(file[name].attrs)
            del file[name]
        item = file.create_group(name) if value is None else file.create_dataset(name, data=value)
        item.attrs.update(kept)

    return change


HDF5 = {
    "a group": ("hdf5", _instead("values", None), "values is a group"),
    "one number": ("hdf5", _instead("values", 3.0), r"values has shape \(\), where 2 or 3"),
    "one profile": ("hdf5", _instead("values", AXIS), r"values has shape \(31,\), where 2 or 3"),
    "text": ("hdf5", _instead("values", "none"), "values holds no numbers"),
    "nothing": ("hdf5", _instead("values", h5py.Empty("f8")), "values holds no numbers"),
    "turned": (
        "hdf5",
        _instead("values", np.ones((31, 2, 21))),
        r"values must have .*\(31, 2, 21\)",
    ),
    "a group for an axis": ("hdf5", _instead("axis_0", None), "axis_0 is a group"),
    "an axis in words": ("hdf5", _instead("axis_1", ["a", "b"]), "axis_1 holds no numbers"),
    "a group for settings": ("hdf5", _instead("settings", None), "settings is a group"),
    "settings in a row": ("hdf5", _instead("settings", [1.0, 2.0]), r"settings has shape \(2,\)"),
    "a group for the mask": ("hdf5", _instead("mask", None), "mask is a group"),
    "version": (
        "hdf5",
        _attribute("/", "pyjutrack_profiles", "one"),
        "attribute pyjutrack_profiles of / is 'one'",
    ),
    "a mesh in words": ("openpmd", _instead("data/1/meshes/profile", "no"), "holds no numbers"),
    "one number for a mesh": (
        "openpmd",
        _instead("data/1/meshes/profile", 3.0),
        r"/data/1/meshes/profile' has shape \(\)",
    ),
    "a dataset for meshes": ("openpmd", _instead("data/1/meshes", 3.0), "no mesh under 'meshes'"),
    "a dataset for iterations": ("openpmd", _instead("data", 3.0), "no iterations"),
    "unit in words": (
        "openpmd",
        _attribute("data/0/meshes/profile", "gridUnitSI", "mm"),
        "attribute gridUnitSI of /data/0/meshes/profile is 'mm'",
    ),
    "a position too many": (
        "openpmd",
        _attribute("data/0/meshes/profile", "position", [0.5, 0.5, 0.5]),
        "attribute position .* has 3 numbers for 2 dimensions",
    ),
    "other labels": (
        "openpmd",
        _attribute("data/1/meshes/profile", "axisLabels", np.array(["x", "s"], "S")),
        "iteration 1 differ",
    ),
    "settings in words": (
        "openpmd",
        _attribute("data/1", "pyjutrackSettings", ["on"]),
        "attribute pyjutrackSettings of /data/1 is",
    ),
    "no values": ("hdf5", _drop("values"), "datasets values and axis_0; it has axis_0"),
    "an axis too few": ("hdf5", _drop("axis_1"), "as the axes have"),
    "newer": ("hdf5", _attribute("/", "pyjutrack_profiles", 2), "layout 2 is newer"),
    "addresses": ("hdf5", _attribute("settings", "addresses"), r"shape \(2, 0\)"),
    "unit": ("hdf5", _attribute("axis_1", "unit", "s"), "unit 's'"),
    "kilometres": ("hdf5", _attribute("axis_1", "unit", "km"), "unit 'km'"),
    "no mesh": ("openpmd", _drop("data/1/meshes/profile"), "no mesh under 'meshes'"),
    "no iterations": ("openpmd", _attribute("/", "basePath", "/x/%T/"), "no iterations"),
    "no spacing": (
        "openpmd",
        _attribute("data/1/meshes/profile", "gridSpacing"),
        "lacks gridSpacing",
    ),
    "other axes": (
        "openpmd",
        _attribute("data/1/meshes/profile", "gridGlobalOffset", [0.0, 0.0]),
        "iteration 1 differ",
    ),
    "three numbers": (
        "openpmd",
        _attribute("data/0/meshes/profile", "gridSpacing", [1e-4, 1e-4, 1e-4]),
        "3 gridSpacing",
    ),
    "micrometres": (
        "openpmd",
        lambda file: [
            m.attrs.__setitem__("gridUnitSI", 1e6)
            for m in (file["data/0/meshes/profile"], file["data/1/meshes/profile"])
        ],
        "looks like millimetres",
    ),
}


@pytest.mark.parametrize("name", HDF5)
def test_bad_hdf5(tmp_path, name):
    form, change, message = HDF5[name]
    path = tmp_path / "a.h5"
    dg.write_profiles(path, IMAGES, format=form)
    _edit(path, change)
    with pytest.raises(pj.errors.MeasurementError, match=rf"a\.h5: .*{message}"):
        dg.read_profiles(path)


@pytest.mark.parametrize("form", ["hdf5", "openpmd"])
@pytest.mark.parametrize("mark", [b"SNOD", b"TREE", b"HEAP"])
def test_damaged_hdf5_is_reported(tmp_path, form, mark):
    path = tmp_path / "damaged.h5"
    dg.write_profiles(path, PROFILES, format=form)
    path.write_bytes(path.read_bytes().replace(mark, b"XXXX"))
    with pytest.raises(pj.errors.MeasurementError, match=r"damaged\.h5: "):
        dg.read_profiles(path)

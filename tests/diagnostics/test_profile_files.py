"""Files of profiles: they come back as they were, and what is wrong is said with its place."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack import diagnostics as dg

AXIS = np.linspace(-3e-3, 3e-3, 31)


def _profile(sigma, axis=AXIS):
    return 100 * np.exp(-(axis**2) / (2 * sigma**2))


@pytest.fixture
def profiles():
    return dg.Profiles(
        np.stack([_profile(s) for s in (6e-4, 8e-4, 1e-3)]),
        (AXIS,),
        ("y",),
        settings=tuple({"q1.k1": k, "m1.knl[2]": 0.1 / 3} for k in (29.5, 29.6, 29.7)),
        name="s1.wire_y",
    )


@pytest.fixture
def images():
    return dg.Profiles(
        np.stack([np.outer(_profile(s), _profile(2 * s, AXIS[5:-5])) for s in (6e-4, 8e-4)]),
        (AXIS, AXIS[5:-5] + 1e-4),
        ("x", "y"),
        settings=({"q1.k1": 1.0}, {"q1.k1": 2.0}),
        name="s1.screen",
    )


def _same(a, b):
    np.testing.assert_array_equal(a.mask, b.mask)
    np.testing.assert_array_equal(a.values, b.values)
    for one, other in zip(a.axes, b.axes, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-18)
    assert (a.labels, a.settings, a.name) == (b.labels, b.settings, b.name)


@pytest.mark.parametrize(
    ("suffix", "form"), [("csv", None), ("txt", None), ("h5", None), ("h5", "openpmd")]
)
def test_profiles_come_back(tmp_path, profiles, suffix, form):
    path = tmp_path / f"scan.{suffix}"
    dg.write_profiles(path, profiles, format=form)
    _same(dg.read_profiles(path, needs=["q1.k1"]), profiles)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["csv", "h5"])
def test_a_folder_that_does_not_exist_is_reported(tmp_path, profiles, suffix):
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / f"scan.{suffix}"
    with pytest.raises(
        pj.errors.InvalidValueError, match=rf"file/scan.{suffix} cannot be"
    ) as caught:
        dg.write_profiles(path, profiles)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("form", ["hdf5", "openpmd"])
def test_images_come_back(tmp_path, images, form):
    path = tmp_path / "scan.h5"
    dg.write_profiles(path, images, format=form)
    _same(dg.read_profiles(path), images)


def test_many_iterations_keep_their_order(tmp_path):
    sizes = np.linspace(5e-4, 1e-3, 12)
    many = dg.Profiles(np.stack([_profile(s) for s in sizes]), (AXIS,))
    dg.write_profiles(tmp_path / "many.h5", many, format="openpmd")
    found = dg.read_profiles(tmp_path / "many.h5")
    np.testing.assert_array_equal(found.values, many.values)
    assert found.settings == ({},) * 12


def test_masks_come_back_from_hdf5_and_nowhere_else(tmp_path, profiles):
    mask = profiles.values < 99
    masked = profiles.replace(mask=mask, values=np.where(mask, profiles.values, np.nan))
    path = tmp_path / "scan.h5"
    dg.write_profiles(path, masked)
    found = dg.read_profiles(path)
    np.testing.assert_array_equal(found.mask, mask)
    np.testing.assert_array_equal(found.values[mask], profiles.values[mask])
    for form in ("csv", "openpmd"):
        with pytest.raises(pj.errors.MeasurementError, match="no masks"):
            dg.write_profiles(tmp_path / "other", masked, format=form)


def test_a_csv_file_by_hand(tmp_path):
    path = tmp_path / "scan.csv"
    path.write_text(
        "\ufeff# taken on a Monday: with two shots\n"
        "# q1.k1: 1.5, -2e0\n"
        "\n"
        "x [mm],first shot, second shot\n"
        "-1.0, 0, 1\n 0.0, 2.5, 7\n\n1.0, 1, 2\n"
    )
    found = dg.read_profiles(path)
    np.testing.assert_allclose(found.axis, [-1e-3, 0, 1e-3])
    assert found.values.tolist() == [[0, 2.5, 1], [1, 7, 2]]
    assert found.labels == ("x",)
    assert found.settings == ({"q1.k1": 1.5}, {"q1.k1": -2.0})
    assert found.name == ""


SETTINGS = {
    "a unit": "# q1.k1 [1/m^2]: 3.9, 4.0",
    "a unit without a space": "# q1.k1[1/m^2]:3.9,4.0",
    "a colon in the name": "# SR:q1.k1: 3.9, 4.0",
    "an index and a unit": "# m1.knl[2] [1/m^2]: 3.9, 4.0",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_by_hand(tmp_path, name):
    path, line = tmp_path / "a.csv", SETTINGS[name]
    path.write_text(f"{line}\nx [m], a, b\n0, 1, 2\n0.1, 3, 4\n")
    (address,) = dg.read_profiles(path).settings[0]
    assert dg.read_profiles(path, needs=address).knob(address).tolist() == [3.9, 4.0]
    assert line.startswith(f"# {address}")


@pytest.mark.parametrize(
    "remark",
    [
        "run.dat: 5 May",
        "run.dat = of Monday",
        "run.dat",
        "run.v12",
        "q1.k12",
        "q1.k1, q2.k1: both changed",
        "q1.k1 - changed: by hand",
        "q1.k1 was changed: by hand, twice",
        "taken at 12.5: no beam",
        "beam is off, 3 shots",
        "http://archive.example/run: of 3 May",
    ],
)
def test_remarks_for_people(tmp_path, remark):
    path = tmp_path / "a.csv"
    path.write_text(f"# {remark}\nx [m], a\n0, 1\n0.1, 3\n")
    assert dg.read_profiles(path).settings == ({},)


def test_settings_that_a_csv_file_cannot_hold(tmp_path, profiles):
    odd = profiles.replace(settings=tuple({"temperature": t} for t in (20.0, 21.0, 22.0)))
    with pytest.raises(
        pj.errors.MeasurementError, match=r"a\.csv: the setting 'temperature' is no addr"
    ):
        dg.write_profiles(tmp_path / "a.csv", odd)
    dg.write_profiles(tmp_path / "a.h5", odd)
    assert dg.read_profiles(tmp_path / "a.h5").settings == odd.settings


def _openpmd(path, *, order="C", labels=(b"y", b"x"), unit=1e-3, records=("density",), n=1):
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
    values = _openpmd(tmp_path / "a.h5", order=order, labels=labels, n=2)
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
    _openpmd(tmp_path / "a.h5", n=2)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.move("data/100", "data/000100")
    assert len(dg.read_profiles(tmp_path / "a.h5")) == 2


def test_one_address_as_plain_text(tmp_path, profiles):
    dg.write_profiles(tmp_path / "a.h5", profiles.replace(settings=({"q1.k1": 2.0},) * 3))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["settings"].attrs["addresses"] = "q1.k1"
    assert dg.read_profiles(tmp_path / "a.h5").knob("q1.k1").tolist() == [2.0] * 3


def test_one_mesh_of_several_by_name(tmp_path):
    path = tmp_path / "a.h5"
    _openpmd(path, records=("density", "E/x"))
    with pytest.raises(
        pj.errors.MeasurementError, match=r"record=: E/x, density|record=: density, E/x"
    ):
        dg.read_profiles(path)
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'density'"):
        dg.read_profiles(path, record="densty")
    assert dg.read_profiles(path, record="density").name == "density"


def test_settings_may_be_given_beside_a_file(tmp_path, profiles):
    path = tmp_path / "scan.csv"
    dg.write_profiles(path, profiles)
    given = [{"q2.k1": v, "q1.k1": 0.0} for v in (1.0, 2.0, 3.0)]
    found = dg.read_profiles(path, settings=given)
    assert found.knob("q2.k1").tolist() == [1, 2, 3]
    assert found.knob("q1.k1").tolist() == [0, 0, 0]
    with pytest.raises(
        pj.errors.MeasurementError, match=r"scan\.csv: profile 0: settings must be a dict"
    ):
        dg.read_profiles(path, settings=[1.0, 2.0, 3.0])
    with pytest.raises(pj.errors.MeasurementError, match=r"the settings lack q7\.k1; add"):
        dg.read_profiles(path, needs="q7.k1")
    with pytest.raises(pj.errors.MeasurementError, match="2 settings were given for 3"):
        dg.read_profiles(path, settings=given[:2])
    with pytest.raises(
        pj.errors.MeasurementError, match=r"scan\.csv: the settings lack q2\.k1; add"
    ):
        dg.read_profiles(path, needs=["q1.k1", "q2.k1"])


def test_saturation_is_a_matter_of_the_reader(tmp_path, profiles):
    path = tmp_path / "scan.h5"
    dg.write_profiles(path, profiles.replace(values=np.minimum(profiles.values, 80.0)))
    with pytest.raises(pj.errors.MeasurementError, match=r"scan\.h5: profile 0: .* saturated"):
        dg.read_profiles(path)
    assert not dg.read_profiles(path, saturated="mask").mask.all()
    assert dg.read_profiles(path, saturated="keep").mask.all()


CSV = {
    "no header": ("-1, 2\n0, 3\n1, 2\n", r"a\.csv:1: the header is missing"),
    "too short": ("x [m], a\n0, 1\n", "two or more rows"),
    "one column": ("x [m]\n0\n1\n2\n", r"a\.csv:1: one column"),
    "unit": ("x [inch], a\n0, 1\n1, 2\n", r"a\.csv:1: unit 'inch'"),
    "ragged": ("# hello\nx [m], a\n0, 1\n1\n", r"a\.csv:4: 1 columns where the header has 2"),
    "text": ("x [m], a\n0, 1\n0.001, bad\n", r"a\.csv:3: column 'a' is 'bad', no number"),
    "empty cell": ("x [m], a\n0, 1\n0.001,\n", r"a\.csv:3: column 'a' is ''"),
    "NaN": ("x [m], a\n0, 1\n0.001, nan\n", r"a\.csv: profile 0 is nan at pixel 1"),
    "millimetres": ("x, a\n0, 1\n1, 2\n", r"a\.csv: axis x reaches 1 m.*x \[mm\]"),
    "settings": ("# q.k1: 1\nx [m], a, b\n0, 1, 2\n0.1, 3, 4\n", r"a\.csv:1: .*'q\.k1'"),
    "no sign": ("# q.k1 3.9\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got '3\.9'"),
    "another sign": ("# q.k1 = 3.9\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got '= 3\.9'"),
    "two signs": ("# q.k1 = : 3.9\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got '= : 3\.9'"),
    "a comma": ("# run.dat, 5\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got ', 5'"),
    "round brackets": ("# q.k1 (A): 3.9\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got '\(A\): 3"),
    "half a bracket": ("# q.k1 [A: 3.9\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got '\[A: 3"),
    "semicolons": ("# q.k1; 3.9; 4\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got '; 3\.9; 4'"),
    "no values": ("# q.k1:\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got ''"),
    "unit after numbers": (
        "# q.k1: 3.9 1/m^2\nx [m], a\n0, 1\n0.1, 3\n",
        r"a\.csv:1: .*'3\.9 1/m\^2'",
    ),
    "an index as unit": ("# q.knl [2]: 3\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*'\[2\]: 3'"),
    "of the beam": ("# beam.current: on\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got 'on'"),
    "other numbers": ("# run.dat: 5, May\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*'run\.dat'"),
    "twice": (
        "# q.k1: 1\n# q.k1: 2\nx [m], a\n0, 1\n0.1, 3\n",
        r"a\.csv:2: .*'q\.k1' is given twice",
    ),
    "long cell": (
        f"x [m], a\n0, 1\n0.1, {'9' * 200_000}\n",
        r"a\.csv:3: no comma-separated .*limit",
    ),
    "long word": (f"x [m], a\n0, 1\n0.1, {'b' * 5000}\n", r"a\.csv:3: .{0,40}'b{200}\.\.\.', no"),
    "setting": ("# q.k1: on\nx [m], a\n0, 1\n0.1, 3\n", r"a\.csv:1: .*got 'on'"),
}


@pytest.mark.parametrize("name", CSV)
def test_bad_csv(tmp_path, name):
    text, message = CSV[name]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(pj.errors.MeasurementError, match=message):
        dg.read_profiles(tmp_path / "a.csv")


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
def test_bad_hdf5(tmp_path, images, name):
    form, change, message = HDF5[name]
    path = tmp_path / "a.h5"
    dg.write_profiles(path, images, format=form)
    _edit(path, change)
    with pytest.raises(pj.errors.MeasurementError, match=rf"a\.h5: .*{message}"):
        dg.read_profiles(path)


@pytest.mark.parametrize("form", ["hdf5", "openpmd"])
@pytest.mark.parametrize("mark", [b"SNOD", b"TREE", b"HEAP"])
def test_damaged_hdf5_is_reported(tmp_path, profiles, form, mark):
    path = tmp_path / "damaged.h5"
    dg.write_profiles(path, profiles, format=form)
    path.write_bytes(path.read_bytes().replace(mark, b"XXXX"))
    with pytest.raises(pj.errors.MeasurementError, match=r"damaged\.h5: "):
        dg.read_profiles(path)


def test_blanks_in_a_remark_take_no_time(tmp_path):
    """Quadratic matching took minutes: the test ends, or does not."""
    text = f"# q1.k1{' ' * 200_000}b\nx{' ' * 100_000} [m], a\n0, 1\n0.1, 3\n"
    (tmp_path / "a.csv").write_text(text)
    assert dg.read_profiles(tmp_path / "a.csv").labels == ("x",)


def test_files_that_are_none(tmp_path, images):
    with pytest.raises(pj.errors.MeasurementError, match="no such file"):
        dg.read_profiles(tmp_path / "a.csv")
    (tmp_path / "a.h5").write_text("x [m], a")
    with pytest.raises(pj.errors.MeasurementError, match="neither HDF5"):
        dg.read_profiles(tmp_path / "a.h5")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(pj.errors.MeasurementError, match="UTF-8"):
        dg.read_profiles(tmp_path / "b.csv")
    with pytest.raises(pj.errors.MeasurementError, match="no images"):
        dg.write_profiles(tmp_path / "c.csv", images)
    with pytest.raises(pj.errors.UnknownNameError, match="format of profiles"):
        dg.write_profiles(tmp_path / "c.csv", images, format="png")
    assert not (tmp_path / "c.csv").exists()


def test_without_h5py(tmp_path, images, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(pj.errors.MissingPackageError, match=r"\.\[openpmd\]"):
        dg.write_profiles(tmp_path / "a.h5", images)

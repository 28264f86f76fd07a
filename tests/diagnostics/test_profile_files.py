"""Files of profiles of any format: they come back as they were, or it is said why not."""

import sys

import numpy as np
import pytest
from profile_file_cases import AXIS, IMAGES, PROFILES, assert_same, bell

import pyjutrack as pj
from pyjutrack import diagnostics as dg


@pytest.mark.parametrize(
    ("suffix", "form"), [("csv", None), ("txt", None), ("h5", None), ("h5", "openpmd")]
)
def test_profiles_come_back(tmp_path, suffix, form):
    path = tmp_path / f"scan.{suffix}"
    dg.write_profiles(path, PROFILES, format=form)
    assert_same(dg.read_profiles(path, needs=["q1.k1"]), PROFILES)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["csv", "h5"])
def test_a_folder_that_does_not_exist_is_reported(tmp_path, suffix):
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / f"scan.{suffix}"
    with pytest.raises(
        pj.errors.InvalidValueError, match=rf"file/scan.{suffix} cannot be"
    ) as caught:
        dg.write_profiles(path, PROFILES)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("form", ["hdf5", "openpmd"])
def test_images_come_back(tmp_path, form):
    path = tmp_path / "scan.h5"
    dg.write_profiles(path, IMAGES, format=form)
    assert_same(dg.read_profiles(path), IMAGES)


def test_many_iterations_keep_their_order(tmp_path):
    sizes = np.linspace(5e-4, 1e-3, 12)
    many = dg.Profiles(np.stack([bell(s) for s in sizes]), (AXIS,))
    dg.write_profiles(tmp_path / "many.h5", many, format="openpmd")
    found = dg.read_profiles(tmp_path / "many.h5")
    np.testing.assert_array_equal(found.values, many.values)
    assert found.settings == ({},) * 12


def test_masks_come_back_from_hdf5_and_nowhere_else(tmp_path):
    mask = PROFILES.values < 99
    masked = PROFILES.replace(mask=mask, values=np.where(mask, PROFILES.values, np.nan))
    path = tmp_path / "scan.h5"
    dg.write_profiles(path, masked)
    found = dg.read_profiles(path)
    np.testing.assert_array_equal(found.mask, mask)
    np.testing.assert_array_equal(found.values[mask], PROFILES.values[mask])
    for form in ("csv", "openpmd"):
        with pytest.raises(pj.errors.MeasurementError, match="no masks"):
            dg.write_profiles(tmp_path / "other", masked, format=form)


def test_settings_may_be_given_beside_a_file(tmp_path):
    path = tmp_path / "scan.csv"
    dg.write_profiles(path, PROFILES)
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


def test_saturation_is_a_matter_of_the_reader(tmp_path):
    path = tmp_path / "scan.h5"
    dg.write_profiles(path, PROFILES.replace(values=np.minimum(PROFILES.values, 80.0)))
    with pytest.raises(pj.errors.MeasurementError, match=r"scan\.h5: profile 0: .* saturated"):
        dg.read_profiles(path)
    assert not dg.read_profiles(path, saturated="mask").mask.all()
    assert dg.read_profiles(path, saturated="keep").mask.all()


def test_files_that_are_none(tmp_path):
    with pytest.raises(pj.errors.MeasurementError, match="no such file"):
        dg.read_profiles(tmp_path / "a.csv")
    (tmp_path / "a.h5").write_text("x [m], a")
    with pytest.raises(pj.errors.MeasurementError, match="neither HDF5"):
        dg.read_profiles(tmp_path / "a.h5")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(pj.errors.MeasurementError, match="UTF-8"):
        dg.read_profiles(tmp_path / "b.csv")
    with pytest.raises(pj.errors.MeasurementError, match="no images"):
        dg.write_profiles(tmp_path / "c.csv", IMAGES)
    with pytest.raises(pj.errors.UnknownNameError, match="format of profiles"):
        dg.write_profiles(tmp_path / "c.csv", IMAGES, format="png")
    assert not (tmp_path / "c.csv").exists()


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(pj.errors.MissingPackageError, match=r"\.\[openpmd\]"):
        dg.write_profiles(tmp_path / "a.h5", IMAGES)

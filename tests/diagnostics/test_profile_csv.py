"""CSV files of profiles: settings and remarks, and what is wrong with its line."""

import numpy as np
import pytest
from profile_file_cases import PROFILES

import pyjutrack as pj
from pyjutrack import diagnostics as dg


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


def test_settings_that_a_csv_file_cannot_hold(tmp_path):
    odd = PROFILES.replace(settings=tuple({"temperature": t} for t in (20.0, 21.0, 22.0)))
    with pytest.raises(
        pj.errors.MeasurementError, match=r"a\.csv: the setting 'temperature' is no addr"
    ):
        dg.write_profiles(tmp_path / "a.csv", odd)
    dg.write_profiles(tmp_path / "a.h5", odd)
    assert dg.read_profiles(tmp_path / "a.h5").settings == odd.settings


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


def test_blanks_in_a_remark_take_no_time(tmp_path):
    """Quadratic matching took minutes: the test ends, or does not."""
    text = f"# q1.k1{' ' * 200_000}b\nx{' ' * 100_000} [m], a\n0, 1\n0.1, 3\n"
    (tmp_path / "a.csv").write_text(text)
    assert dg.read_profiles(tmp_path / "a.csv").labels == ("x",)

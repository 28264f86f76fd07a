"""Files of wakes: columns by name, and what is wrong with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyjutrack.collective import read_wakes
from pyjutrack.errors import InvalidValueError, MeasurementError, UnknownNameError


def test_files_of_columns(tmp_path: Path) -> None:
    """ns, V/pC and V/(pC mm), with remarks; under the names of ours and of others."""
    path = tmp_path / "wake.dat"
    path.write_text("# t long dip\n0.0 2.0 0.5 9\n0.5, 1.0, 0.25, 9\n% end\n1.0\t0.0\t0.125 9\n")
    tables = read_wakes(path, ["time", "longitudinal", "dipolar_x", "-"])
    assert list(tables) == ["longitudinal", "dipole x"]
    np.testing.assert_allclose(tables["longitudinal"].time, [0, 5e-10, 1e-9], rtol=1e-15)
    np.testing.assert_allclose(tables["longitudinal"].values, [2e12, 1e12, 0], rtol=1e-15)
    np.testing.assert_allclose(tables["dipole x"].values, [5e14, 2.5e14, 1.25e14], rtol=1e-15)
    coupled = read_wakes(path, ["time", "dipole_yx", "quadrupolar_yx", "constant_x"])
    assert list(coupled) == ["dipole yx", "quadrupole xy", "constant x"]
    with pytest.raises(InvalidValueError, match=r"kicks by .quadrupole xy. are those of both"):
        read_wakes(path, ["time", "quadrupole_xy", "quadrupole_yx", "-"])
    late = tmp_path / "late.dat"
    late.write_text("0.5 1.0\n1.0 0.5\n")
    with pytest.raises(MeasurementError, match=r"late.dat: the first time is 5e-10 s.*start="):
        read_wakes(late, ["time", "dipole y"])
    found = read_wakes(late, ["time", "dipole y"], start=[2.0])["dipole y"]
    np.testing.assert_allclose(found.values, [2e15, 1e15, 5e14], rtol=1e-15)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "wake.dat"
    for text, match in (
        ("0 1\n1 2 3\n", r"wake\.dat:2: 3 columns, where 2 are named"),
        ("0 1\nx 2\n", r"wake\.dat:2: no numbers: 'x 2'"),
        ("0 1\n1 nan\n", r"wake\.dat:2: numbers must be finite"),
        ("0 1\n", "two or more rows"),
        ("1 1\n0 2\n", "times must ascend"),
    ):
        path.write_text(text)
        with pytest.raises(MeasurementError, match=match):
            read_wakes(path, ["time", "longitudinal"])
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_wakes(path, ["time", "longitudinal"])
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_wakes(tmp_path / "none.dat", ["time", "longitudinal"])
    with pytest.raises(MeasurementError, match="no regular file"):
        read_wakes(tmp_path, ["time", "longitudinal"])
    with pytest.raises(InvalidValueError, match='columns must name "time" once'):
        read_wakes(path, ["longitudinal"])
    with pytest.raises(UnknownNameError, match="did you mean 'dipole_x'"):
        read_wakes(path, ["time", "dipole-x"])

"""Damaged HDF5 files of beams and profiles end in an error that names them, and in nothing else.

PYJUTRACK_DAMAGED sets how many copies of each sample are read (12): each is a process.
"""

from __future__ import annotations

import os
import random
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics
from pyjutrack.core import hdf5_check
from pyjutrack.io import read_beam, read_lattice, write_beam

h5py = pytest.importorskip("h5py")
COUNT = int(os.environ.get("PYJUTRACK_DAMAGED", "12"))


def profiles(path: Path, form: str) -> None:
    axis = np.linspace(-1e-3, 1e-3, 20)
    values = np.random.default_rng(1).random((3, 20))
    settings = [{"q1.k1": float(n)} for n in range(3)]
    found = diagnostics.Profiles(values, (axis,), settings=settings)
    diagnostics.write_profiles(path, found, format=form)


def beam(path: Path) -> None:
    pytest.importorskip("beamphysics")
    coordinates = 1e-3 * np.random.default_rng(1).normal(size=(30, 6))
    reference = pj.Reference.from_kinetic("proton", 1e9)
    write_beam(path, pj.Beam(reference, torch.tensor(coordinates), current=1.0))


WRITE: dict[str, Callable[[Path], None]] = {
    "hdf5": lambda path: profiles(path, "hdf5"),
    "openpmd": lambda path: profiles(path, "openpmd"),
    "beam": beam,
}


def damaged(sample: bytes, chance: random.Random) -> bytes:
    """A copy with a few changes of its bytes, or cut."""
    data = bytearray(sample)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(max(len(data), 1))
        way = chance.randrange(5)
        if way == 0:
            data[at] = chance.randrange(256)
        elif way == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif way == 2:
            data[at : at + 8] = chance.choice((b"\xff" * 8, bytes(8), b"\xff" * 4 + bytes(4)))
        elif way == 3 and chance.random() < 0.3:
            del data[at : at + chance.randrange(40)]
        elif chance.random() < 0.2:
            del data[at:]
        if not data:
            return b""
    return bytes(data)


def read(kind: str, path: Path) -> None:
    if kind == "beam":
        read_beam(path)
    else:
        diagnostics.read_profiles(path)


@pytest.mark.parametrize("kind", WRITE)
def test_a_damaged_file_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    WRITE[kind](path)
    sample = path.read_bytes()
    for number in range(COUNT):
        path.write_bytes(damaged(sample, random.Random(f"{kind} {number}")))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = "damaged.h5"  # or it is read
            try:
                read(kind, path)
            except pj.PyJuTrackError as error:
                said = str(error)
        assert "damaged.h5" in said, number


@pytest.mark.parametrize("kind", WRITE)
def test_one_changed_bit_is_reported(kind: str, tmp_path: Path) -> None:
    """Wherever it is: a digest of the whole file stands at its end."""
    path = tmp_path / "changed.h5"
    WRITE[kind](path)
    sample = path.read_bytes()
    for at in range(0, len(sample) - 48, max(len(sample) // 20, 1)):
        data = bytearray(sample)
        data[at] ^= 4
        path.write_bytes(data)
        with pytest.raises(pj.PyJuTrackError, match=r"changed\.h5: (not|neither|damaged)"):
            read(kind, path)


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("way", ["external", "link", "virtual", "large"])
def test_nothing_is_read_of_other_files(way: str, sealed: bool, tmp_path: Path) -> None:
    """Whoever wrote the digest."""
    secret, path = tmp_path / "secret.h5", tmp_path / "a.h5"
    with h5py.File(secret, "w") as file:
        file["values"] = np.arange(60.0).reshape(3, 20)
    profiles(path, "hdf5")
    path.write_bytes(path.read_bytes()[:-48])
    with h5py.File(path, "r+") as file:
        del file["values"]
        if way == "external":
            raw = [(str(secret), 0, 480)]
            file.create_dataset("values", (3, 20), dtype=float, external=raw)
        elif way == "link":
            file["values"] = h5py.ExternalLink(str(secret), "/values")
        elif way == "virtual":
            layout = h5py.VirtualLayout((3, 20), dtype=float)
            layout[:] = h5py.VirtualSource(str(secret), "values", shape=(3, 20))
            file.create_virtual_dataset("values", layout)
        else:
            file.create_dataset("values", (3, 10**9), dtype=float, compression="gzip", chunks=True)
    if sealed:
        path.write_bytes(path.read_bytes() + hdf5_check.seal(path.read_bytes()))
    said = "more than a file can hold" if way == "large" else "other file"
    with pytest.raises(pj.PyJuTrackError, match=rf"a\.h5: damaged: .*{said}"):
        diagnostics.read_profiles(path)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashes the HDF5 library"),
        ("import time; time.sleep(60)", "takes for ever"),
    ],
)
@pytest.mark.parametrize("kind", WRITE)
def test_a_process_that_is_lost_is_an_error(
    kind: str, script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a file does to the library."""
    path, stand_in = tmp_path / "bad.h5", tmp_path / "stand_in.py"
    WRITE[kind](path)
    path.write_bytes(path.read_bytes()[:-1])
    stand_in.write_text(script)
    monkeypatch.setattr(hdf5_check, "__file__", str(stand_in))
    monkeypatch.setattr(hdf5_check, "_SECONDS", 1.0)
    start = time.monotonic()
    with pytest.raises(pj.PyJuTrackError, match=rf"bad\.h5: damaged: .*{said}"):
        read(kind, path)
    assert time.monotonic() - start < 30


def test_a_dataset_of_more_than_a_file_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("values", (2, 10**11), "f8", chunks=(1, 10**6))
    with pytest.raises(pj.errors.MeasurementError, match=r"bomb\.h5: .*more than a file can"):
        diagnostics.read_profiles(path)


def test_files_of_others_are_read(tmp_path: Path) -> None:
    """Without our mark, and after a block of the user's."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["values"] = np.arange(10.0).reshape(2, 5)
        file["axis_0"] = np.arange(5.0)
        file["axis_0"].attrs["unit"] = "mm"
    assert hdf5_check.is_hdf5(path)
    assert len(diagnostics.read_profiles(path)) == 2


def test_matlab_files_of_version_7_3_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "ring.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["RING"] = np.zeros((1, 1))
    data = bytearray(path.read_bytes())
    data[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(bytes(data))
    with pytest.raises(pj.errors.LatticeFileError, match=r"ring\.mat: .*7\.3.*'-v7'"):
        read_lattice(path)

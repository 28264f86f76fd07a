"""On a full disk every writer keeps the former file, and names the one that was asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from twin_cases import beam, measured, scan, small

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack import surrogate
from pyjutrack.core import atomic
from pyjutrack.core.atomic import write_whole, writing
from pyjutrack.interop.networks import from_nnlib, to_nnlib, to_onnx
from pyjutrack.twin import Unknown, calibrate

resource = pytest.importorskip("resource")


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file grows beyond a size [byte], as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def profiles() -> dg.Profiles:
    axis = np.linspace(-3e-3, 3e-3, 61)
    values = np.exp(-(axis**2) / 2e-7)[None] * [[100.0], [120.0]]
    return dg.Profiles(values, (axis,), settings=({"q1.k1": 3.9}, {"q1.k1": 4.0}), name="s1.wire")


Writer = Callable[[Path, Any], object]
WRITERS: dict[str, tuple[str, Writer]] = {
    "lattice": ("a.json", lambda path, network: pj.write_lattice(path, small().lattice)),
    "pals": ("a.pals.yaml", lambda path, network: pj.write_lattice(path, profile_line())),
    "xsuite": (
        "a.json",
        lambda path, network: pj.write_lattice(path, profile_line(), format="xsuite"),
    ),
    "csv": ("a.csv", lambda path, network: dg.write_profiles(path, profiles())),
    "hdf5": ("a.h5", lambda path, network: dg.write_profiles(path, profiles())),
    "openpmd": (
        "b.h5",
        lambda path, network: dg.write_profiles(path, profiles(), format="openpmd"),
    ),
    "beam": ("beam.h5", lambda path, network: pj.write_beam(path, beam(50))),
    "surrogate": ("a.safetensors", lambda path, network: network().save(path)),
    "onnx": ("a.onnx", lambda path, network: to_onnx(network(), path)),
    "nnlib": ("a.nnlib", lambda path, network: to_nnlib(network(), path)),
    "twin": ("twin.safetensors", lambda path, network: twin().save(path)),
    "twin as a graph": (
        "twin.onnx",
        lambda path, network: small(effects=()).export_onnx(path, ["q1.k1"]),
    ),
}


def profile_line() -> pj.Lattice:
    return pj.Lattice([pj.Drift(1.0), pj.Quadrupole(0.1, k1=2.0, name="q1")])


def twin() -> pj.Twin:
    return small(unknowns=[Unknown("q1.k1")])


@pytest.mark.parametrize("kind", WRITERS)
def test_the_former_file_stays_and_the_error_names_it(
    kind: str, tmp_path: Path, make_surrogate: Any
) -> None:
    if kind in ("hdf5", "openpmd", "beam"):
        pytest.importorskip("pmd_beamphysics" if kind == "beam" else "h5py")
    if "onnx" in WRITERS[kind][0]:
        pytest.importorskip("onnx")
    name, write = WRITERS[kind]
    path = tmp_path / name
    write(path, make_surrogate)
    parts = [*path.iterdir()] if path.is_dir() else [path]
    before = {p: p.read_bytes() for p in parts}
    size = max(map(len, before.values()))
    with (
        room(size // 2),
        pytest.raises(pj.errors.WriteError, match=r"cannot be written.*room") as caught,
    ):
        write(path, make_surrogate)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, OSError)
    assert {p: p.read_bytes() for p in parts} == before
    assert [p.name for p in tmp_path.iterdir()] == [name], "nothing half-written is left"
    if kind == "nnlib":
        from_nnlib(path)


def test_a_full_disk_is_reported_when_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("old")

    def fill(temporary: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(
        pj.errors.WriteError, match=r"old cannot be written \(No space left on device\)"
    ):
        write_whole(path, fill)
    assert path.read_text() == "old"
    with (
        pytest.raises(pj.errors.WriteError, match=r"x cannot be written \(bare\)"),
        writing(Path("x")),
    ):
        raise OSError("bare")


def test_hdf5_on_a_full_disk_does_not_end_the_process(tmp_path: Path) -> None:
    """HDF5 keeps a file open that it cannot flush, and dies at the end of the process."""
    pytest.importorskip("h5py")
    script = f"""
import resource, numpy as np
import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack import surrogate
axis = np.linspace(-3e-3, 3e-3, 21)
values = np.ones((100, 1)) * np.exp(-(axis**2) / 2e-7)
settings = tuple({{"q1.k1": float(i)}} for i in range(100))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    dg.write_profiles({str(tmp_path / "p.h5")!r}, dg.Profiles(values, (axis,), settings=settings),
                      format="openpmd")
except pj.errors.WriteError as error:
    print(type(error).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "WriteError\n", "")


def test_a_scan_keeps_what_was_done_before_the_disk_was_full(tmp_path: Path) -> None:
    store = tmp_path / "scan"
    points = list(range(40))
    with room(500), pytest.raises(pj.errors.WriteError, match=r"scan cannot be written"):
        pj.distributed.scan(_square, points, store=store)
    called: list[int] = []

    def square(point: int) -> int:
        called.append(point)
        return point**2

    square.__qualname__ = _square.__qualname__
    found = pj.distributed.scan(square, points, store=store)
    assert [o.value for o in found] == [p**2 for p in points]
    assert 0 < len(called) < 40


def _square(point: int) -> int:
    return point**2


def test_a_store_of_a_scan_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        pj.errors.InvalidValueError, match="is no file of a scan; take another name"
    ):
        pj.distributed.scan(_square, [1], store=tmp_path)


def test_a_calibration_whose_checkpoint_finds_no_room_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    model, wanted = small(effects=()), [Unknown("q1.k1")]
    data = measured(model, scan(3))
    calibrate(model, data, wanted, checkpoint=path, max_steps=1)  # compiles, which needs room too
    path.unlink()
    with room(100), pytest.raises(pj.errors.WriteError, match=r"run.checkpoint cannot be written"):
        calibrate(model, data, wanted, checkpoint=path)
    assert not list(tmp_path.iterdir())


def test_a_training_run_whose_checkpoint_finds_no_room_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    recipe = surrogate.Recipe(channels=(4, 8), shape=(32, 32), samples=4, batch=2, steps=1)
    surrogate.train(recipe, checkpoint=path)
    path.unlink()
    with room(100), pytest.raises(pj.errors.WriteError, match=r"run.checkpoint cannot be written"):
        surrogate.train(recipe, checkpoint=path)
    assert not list(tmp_path.iterdir())


def test_content_is_whole_and_in_utf8(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "t", "µm\n")
    assert (tmp_path / "t").read_bytes() == "µm\n".encode()

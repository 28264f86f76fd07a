"""Compiled kernels on disk: never the wrong ones, whatever happens to their folder."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numba.core import caching, config

import pyjutrack as pj
from pyjutrack.kernels import cache, jit
from pyjutrack.maps.base import Map
from pyjutrack.maps.codegen.build import kernels

SOURCE = """
from pyjutrack.kernels.jit import scalar

@scalar
def step(x):
    return x + {by}

@scalar
def twice(x):
    return step(step(x))
"""


def module(folder: Path, by: float = 1) -> ModuleType:
    """The module of a new process, with kernels of its own; its functions differ by a number."""
    file = folder / "kernels.py"
    file.write_text(SOURCE.format(by=by))
    spec = importlib.util.spec_from_file_location("kernels", file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["kernels"] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kernels", raising=False)


def test_the_next_process_finds_what_was_compiled(tmp_path: Path) -> None:
    first, second = module(tmp_path), module(tmp_path)
    assert first.twice(1.0) == second.twice(1.0) == 3.0
    assert first.twice.stats.cache_misses
    assert second.twice.stats.cache_hits
    assert second.twice(1) == 3


def test_one_line_says_that_kernels_are_compiled_and_none_that_they_are_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache._say_once.cache_clear()
    kernels = module(tmp_path)
    kernels.twice(1.0), kernels.twice(1)
    (line,) = caplog.messages
    assert "compiling kernels" in line
    caplog.clear()
    cache._say_once.cache_clear()
    assert module(tmp_path).twice(1.0) == 3.0
    assert not caplog.messages


def test_the_line_goes_to_stderr_and_a_level_of_logging_silences_it(tmp_path: Path) -> None:
    script = """
import logging, sys
if len(sys.argv) > 1:
    logging.getLogger("pyjutrack").setLevel(sys.argv[1])
import numpy as np
from pyjutrack.kernels import signals
signals.give(np.zeros(2, np.int64), 1, 5)
"""
    said = []
    for level in ([], ["ERROR"]):
        folder = tmp_path / str(len(level))
        done = subprocess.run(
            [sys.executable, "-c", script, *level],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        )
        assert not done.stdout
        said.append(done.stderr.splitlines())
    assert [len(lines) for lines in said] == [1, 0]


def test_kernels_of_a_map_are_found_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their module is in no folder: it is written by the package, and run."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    columns = [np.full(3, 0.1) for _ in range(6)]
    for found in (0, 1):
        value, new = kernels.__wrapped__(_TWIST).value, np.zeros(3)
        value(0, 0, 3, *columns, np.ones(3, bool), 2.0, new)
        assert sum(value.stats.cache_hits.values()) == found
        assert sum(value.stats.cache_misses.values()) == 1 - found
        np.testing.assert_allclose(new, 0.1 - 2.0 * 0.01)


def _twist(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, strength: Any) -> Any:
    return x, px - strength * x * y, y, py, z, delta


_TWIST = Map(_twist, array_kernels=True)


def test_a_kill_while_code_is_kept_leaves_none_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function is inlined where it is called: of old code there only the stamp tells."""
    monkeypatch.setattr(jit, "_stamp", lambda: ("old",))
    assert module(tmp_path, by=1).twice(1.0) == 3.0
    monkeypatch.setattr(jit, "_stamp", lambda: ("new",))
    for half in ("_save_index", "_save_data"):
        with monkeypatch.context() as patch:
            patch.setattr(caching.IndexDataCacheFile, half, _killed)
            with pytest.raises(SystemExit):
                module(tmp_path, by=2).twice(1.0)
        assert module(tmp_path, by=2).twice(1.0) == 5.0
        assert len(list((tmp_path / "__pycache__").glob("*twice*.nbc"))) == 1, "old ones go"
        monkeypatch.setattr(jit, "_stamp", lambda: ("newer",))


def _killed(*_: object) -> None:
    raise SystemExit


def test_two_processes_that_compile_at_once_do_not_take_each_others_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One looks for a free name, the other does, and both write: in the worst of orders."""
    one, other = module(tmp_path), module(tmp_path)
    save, load = caching.IndexDataCacheFile._save_data, caching.IndexDataCacheFile._load_index
    begun: list[Any] = []

    def interrupted(file: Any, name: str, data: Any) -> None:
        if not begun:
            begun.append(file)
            with monkeypatch.context() as patch:
                patch.setattr(caching.IndexDataCacheFile, "_load_index", lambda file: {})
                assert other.step(2.5) == 3.5
        save(file, name, data)

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", interrupted)
    assert one.step(2) == 3
    assert begun
    monkeypatch.setattr(caching.IndexDataCacheFile, "_load_index", load)
    third = module(tmp_path)
    assert (third.step(2.5), third.step(2)) == (3.5, 3)


@pytest.mark.parametrize("damage", [b"", b"damaged", b"\x80\x04N."])
def test_a_damaged_file_costs_a_compilation(tmp_path: Path, damage: bytes) -> None:
    assert module(tmp_path).twice(1.0) == 3.0
    for suffix in ("nbi", "nbc"):
        for file in (tmp_path / "__pycache__").glob(f"*.{suffix}"):
            file.write_bytes(damage)
        assert module(tmp_path).twice(1.0) == 3.0
        mended = module(tmp_path)
        assert mended.twice(1.0) == 3.0
        assert mended.twice.stats.cache_hits


def test_a_full_disk_costs_a_compilation_and_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_open_for_write", full)
    with pytest.warns(
        pj.errors.CacheWarning, match=r"in .*: No space left.*Make room, or set NUMBA_CACHE_DIR"
    ):
        assert module(tmp_path).step(1.0) == 2.0


def test_without_a_folder_that_can_be_written_to_kernels_work_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", _read_only)
    cache._warn.cache_clear()  # which warns once in a process
    kernels = module(tmp_path)
    with pytest.warns(pj.errors.CacheWarning, match=r"kept anywhere.*set NUMBA_CACHE_DIR"):
        assert kernels.step(1.0) == 2.0
    assert not list(tmp_path.glob("**/*.nb?"))


def _read_only(*_: object) -> None:
    raise OSError(30, "Read-only file system")


def test_the_package_is_imported_on_a_read_only_machine() -> None:
    script = """
from numba.core import caching
def refuse(locator):
    raise OSError(30, "Read-only file system")
caching._CacheLocator.ensure_cache_path = refuse
import warnings
import pyjutrack as pj
from pyjutrack.kernels import signals
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    flags = np.zeros(2, np.int64)
    signals.give(flags, 1, 5)
    assert signals.wait(flags, 1, 5, 10, 0)
assert list(flags) == [0, 5], flags
# one of all kernels, at the line that called
assert [w.category for w in caught] == [pj.errors.CacheWarning], caught
assert caught[0].filename == "<string>", caught
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


TRACKED = """
import sys, torch, pyjutrack as pj
proton = pj.Reference.from_kinetic("proton", 1e9)
beam = pj.distributions.gaussian(
    proton, 1000, twiss=pj.optics.Twiss(1.0, 0.0, 1.0, 0.0), emittance=(1e-6, 1e-6), seed=1
)
beam = beam.replace(coordinates=beam.coordinates.to(getattr(torch, sys.argv[1])))
out = pj.track(pj.Lattice([pj.Drift(1.0), pj.Quadrupole(0.1, k1=2.0)]), beam)
print(float(out.coordinates.double().pow(2).sum()))
"""


@pytest.mark.slow
def test_two_processes_compile_the_package_at_once(tmp_path: Path) -> None:
    """The first start of a study on many cores: precisions differ, so that signatures do."""
    found: dict[str, float] = {}
    kinds = ("float64", "float32")

    def start(kind: str, place: str) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", TRACKED, kind],
            capture_output=True,
            text=True,
            timeout=900,
            check=True,
            env={"NUMBA_CACHE_DIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
        )
        found[f"{kind} {place}"] = float(done.stdout)

    for place in ("at once", "later"):
        runs = [threading.Thread(target=start, args=(kind, place)) for kind in kinds]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
    assert len(found) == 4
    assert found["float64 at once"] == found["float64 later"]
    assert found["float32 at once"] == found["float32 later"]
    assert found["float32 later"] == pytest.approx(found["float64 later"], rel=1e-6)

"""Reading a machine's file with its variables and expressions, beside xtrack's own loader."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pyjutrack as pj

from .case_optics import example
from .clock import in_turns
from .report import Row, Table

#: of the machine that is written: cells, and every how many of them is a circuit
_CELLS, _CIRCUIT = 400, 10
_ASKED = "<= 2"


def run(particles: int, repeats: int, threads: int) -> Table:
    notes: list[str] = []
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in _files(Path(folder)).items():
            found = pj.read_lattice(path)
            size = f"{path.stat().st_size / 1e6:.2f} MB"
            known = f"{len(found.lattice)} elements, {len(found.lattice.expressions)} expressions"
            calls: dict[str, Callable[[], Any]] = {"ours": lambda p=path: _read(p)}
            try:
                calls["xtrack"] = _xtrack(path)
            except ImportError as error:
                notes.append(f'xtrack is not installed ({error}): pip install ".[bench]"')
            samples = in_turns(calls, max(1, repeats // 5))
            ours = samples["ours"]
            ratio = ours.over(samples["xtrack"]) if "xtrack" in samples else None
            rows.append(Row(name, ours, ratio, _ASKED, f"{size}, {known}"))
            rows += [Row(f"{name}: xtrack", samples[n]) for n in samples if n != "ours"]
    title = "Reading a machine's file with its expressions"
    return Table(title, "time / time of xtrack.load on the same file", rows, notes)


def _files(folder: Path) -> dict[str, Path]:
    """Files of some machines, written here."""
    spear3, electron = example("spear3").spear3()
    files = {
        "MAD-X, sequence with circuits": folder / "circuits.madx",
        "MAD-X, SPEAR3": folder / "spear3.madx",
        "Xsuite JSON, sequence with circuits": folder / "circuits.json",
        "Xsuite JSON, SPEAR3": folder / "spear3.json",
    }
    circuits, spear3_madx, circuits_json, spear3_json = files.values()
    circuits.write_text(_sequence())
    with warnings.catch_warnings():  # of models, for which such a file has no words
        warnings.simplefilter("ignore", pj.errors.LatticeWarning)
        pj.io.write_lattice(spear3_madx, spear3, electron)
    pj.io.write_lattice(spear3_json, spear3, electron, format="xsuite")
    found = pj.read_lattice(circuits)
    pj.io.write_lattice(circuits_json, found.lattice, found.reference, format="xsuite")
    return files


def _sequence() -> str:
    """A ring whose magnets follow circuits, and circuits two knobs of the machine."""
    rows = ["beam, particle=proton, pc=450;", "kf.ref := 0.01;  kd.ref := -1.02*kf.ref;  trim = 0;"]
    place = []
    for n in range(_CELLS):
        circuit = n // _CIRCUIT
        if n % _CIRCUIT == 0:
            rows.append(f"kqf.{circuit} := kf.ref + trim/{circuit + 1};")
            rows.append(f"kqd.{circuit} := kd.ref - 0.5*trim;  ab.{circuit} := twopi/{2 * _CELLS};")
        rows += [
            f"qf.{n}: quadrupole, l=3, k1:=kqf.{circuit};",
            f"qd.{n}: quadrupole, l=3, k1:=kqd.{circuit};",
            f"bf.{n}: sbend, l=14, angle:=ab.{circuit};",
            f"bd.{n}: sbend, l=14, angle:=ab.{circuit};",
            f"cx.{n}: hkicker, kick:=kick.x.{n}*trim;  kick.x.{n} = {1e-6 * n};",
        ]
        place += [
            f"qf.{n}, at={50 * n + 2};  bf.{n}, at={50 * n + 14};  cx.{n}, at={50 * n + 23};",
            f"qd.{n}, at={50 * n + 27};  bd.{n}, at={50 * n + 39};",
        ]
    ring = [f"ring: sequence, l={50 * _CELLS};", *place, "endsequence;"]
    return "\n".join([*rows, *ring])


def _read(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pj.read_lattice(path)


def _xtrack(path: Path) -> Callable[[], Any]:
    import xtrack

    def load() -> Any:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            return xtrack.load(str(path))

    return load

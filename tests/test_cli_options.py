"""What all commands take: JSON, progress, errors with where they are from, examples, completion."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
import warnings
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.cli import COMMANDS, main, parser
from pyjutrack.cli.showing import progress, show

RING = str(pj.io.example("ring.madx"))


@pytest.fixture(scope="module")
def ring() -> pj.io.LatticeFile:
    return pj.io.read_lattice(RING, line="ring")


def found(argv: list[str], capsys: pytest.CaptureFixture) -> dict:
    assert main(argv) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


@pytest.fixture
def out(tmp_path: Path) -> list[str]:
    return ["--line", "ring", "--out", str(tmp_path), "--json", "--quiet"]


def test_the_optics_of_a_ring_as_json(
    ring: pj.io.LatticeFile, out: list[str], capsys: pytest.CaptureFixture
) -> None:
    said = found(["twiss", RING, *out], capsys)
    table = pj.twiss_table(ring.lattice, ring.reference)
    assert said["tunes"] == [table.tune_x, table.tune_y]
    np.testing.assert_allclose(
        said["chromaticities"], pj.optics.chromaticities(ring.lattice, ring.reference), rtol=1e-9
    )
    assert Path(said["table"]).read_text() == table.csv()
    assert Path(said["picture"]).exists()


def test_a_line_takes_its_optics_from_the_start(
    ring: pj.io.LatticeFile, out: list[str], capsys: pytest.CaptureFixture
) -> None:
    argv = ["twiss", RING, *out, "--species", "electron", "--total", "1e9"]
    start = ["--start", "8", "-0.5", "3", "0.25", "--start-dispersion", "1", "0.1", "0", "0"]
    said = found([*argv, *start], capsys)
    table = pj.twiss_table(
        ring.lattice,
        pj.Reference.from_total("electron", 1e9),
        initial=pj.optics.Twiss(8.0, -0.5, 3.0, 0.25, dispersion_x=1.0, dispersion_px=0.1),
    )
    assert said["end_beta"] == [table.beta_x[-1], table.beta_y[-1]]
    assert said["end_alpha"] == [table.alpha_x[-1], table.alpha_y[-1]]
    assert said["end_dispersion"] == [table.dispersion_x[-1], table.dispersion_y[-1]]
    argv = [a for a in argv if a != "--json"]
    assert main([*argv, *start]) == 0
    shown = capsys.readouterr().out
    assert "phase advance" in shown
    assert "momentum compaction" not in shown
    assert main([*argv, *start[5:]]) == 1
    assert "--start-dispersion goes with --start" in capsys.readouterr().err


def test_tracking_with_space_charge(
    ring: pj.io.LatticeFile, out: list[str], capsys: pytest.CaptureFixture
) -> None:
    beam = ["--particles", "500", "--emittance", "1e-6", "2e-6", "--current", "30", "--seed", "3"]
    field = ["--space-charge", "0.1", "0.08", "--cells", "96", "72", "--step", "0.5"]
    said = found(["track", RING, *out, *beam, *field], capsys)
    lattice, reference = ring.lattice, ring.reference
    start = pj.distributions.gaussian(
        reference,
        500,
        twiss=pj.twiss_table(lattice, reference)[0],
        emittance=(1e-6, 2e-6),
        current=30.0,
        seed=3,
    )
    solver = pj.SpectralPoisson(size=(0.1, 0.08), shape=(96, 72))
    end = pj.track(lattice, start, effects=[pj.SpaceCharge(solver, max_step=0.5)])
    for when, expected in (("start", start), ("end", end)):
        sizes = [said[when][name]["rms"] for name in ("x", "px", "y", "py", "z", "delta")]
        assert sizes == pytest.approx(pj.moments.sizes(expected).tolist(), rel=1e-12)
    assert said["lost"] == 0
    without = pj.moments.sizes(pj.track(lattice, start))[0]
    assert abs(said["end"]["x"]["rms"] / float(without) - 1) > 1e-9


def test_space_charge_needs_a_current(out: list[str], capsys: pytest.CaptureFixture) -> None:
    assert main(["track", RING, *out, "--space-charge", "0.1", "0.1"]) == 1
    assert "--space-charge goes with --current" in capsys.readouterr().err


def test_a_machine_as_json(ring: pj.io.LatticeFile, capsys: pytest.CaptureFixture) -> None:
    said = found(["info", RING, "--line", "ring", "--json"], capsys)
    assert said["elements"] == len(ring.lattice)
    assert said["kinds"]["SBend"] == {"count": 24, "length": pytest.approx(36.0)}
    assert said["variables"] == {name: float(v) for name, v in ring.lattice.variables.items()}
    assert said["reference"]["species"] == "electron"
    assert said["notes"] == []


def test_formats_as_json(capsys: pytest.CaptureFixture) -> None:
    said = found(["formats", "--json"], capsys)
    assert set(said) == set(pj.io.lattice_formats())


def test_json_has_no_numbers_that_are_none(capsys: pytest.CaptureFixture) -> None:
    show(Namespace(json=True), {"a": [math.nan, 1.0], "b": {"c": math.inf, "d": None}}, "")
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.0], "b": {"c": None, "d": None}}


@pytest.mark.parametrize("quiet", [False, True])
def test_what_takes_long_is_told(
    quiet: bool, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyjutrack.cli.showing._LONG", 0.05)
    with progress(Namespace(quiet=quiet), "waiting"):
        time.sleep(0.4)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == ("" if quiet else "pyjutrack: waiting ...\npyjutrack: waiting: 0 s\n")
    with progress(Namespace(quiet=False), "not waiting"):
        pass
    assert capsys.readouterr().err == ""


def test_a_warning_is_one_line(out: list[str], capsys: pytest.CaptureFixture) -> None:
    argv = ["track", RING, *out, "--current", "1", "--space-charge", "0.1", "0.1"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main([*argv, "--cells", "16", "16"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("pyjutrack: the grid is coarse for the beam")


def test_an_error_is_one_line_or_with_its_traceback(capsys: pytest.CaptureFixture) -> None:
    assert main(["info", "nowhere.madx"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    with pytest.raises((pj.PyJuTrackError, OSError), match=r"nowhere\.madx"):
        main(["info", "nowhere.madx", "--traceback"])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_are_what_it_takes(
    name: str, capsys: pytest.CaptureFixture
) -> None:
    for line in COMMANDS[name][1].EXAMPLES:
        words = re.split(r" > | && ", line)[0].split()
        assert parser().parse_args([name, *words]).command == name
    with pytest.raises(SystemExit):
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "exit status" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell: str, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert "reproduce" in said
    assert "--space-charge" in said


def test_completion_without_its_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 1
    assert 'pip install ".[completion]"' in capsys.readouterr().err


def test_warmup_says_how_long_each_took(capsys: pytest.CaptureFixture) -> None:
    assert main(["warmup"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert all(re.search(r" \d+\.\d s$", row) for row in rows)
    assert len(rows) == 7
    assert main(["warmup", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_the_package_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pyjutrack", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"pyjutrack {pj.__version__}\n"


def test_an_example_that_is_not_there() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"'nothing\.seq'.* ring\.madx"):
        pj.io.example("nothing.seq")


def test_the_page_has_every_command_as_the_parser_reads_it() -> None:
    page = (Path(__file__).parents[1] / "docs" / "commands.md").read_text()
    lines = re.findall(r"^\| `pyjutrack ([^`]*)` \|", page, re.MULTILINE)
    assert {line.split()[0] for line in lines} == set(COMMANDS)
    for line in lines:
        parser().parse_args(line.split())

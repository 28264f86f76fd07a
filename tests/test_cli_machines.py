"""`pyjutrack twiss` and `pyjutrack track` on lattice files."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.cli import main
from pyjutrack.io import read_beam, write_lattice


@pytest.fixture(scope="module")
def booster() -> tuple[pj.Lattice, pj.Reference]:
    return load_example("rings/psb").psb()


@pytest.fixture
def file(booster: tuple[pj.Lattice, pj.Reference], tmp_path: Path) -> Path:
    path = tmp_path / "booster.json"
    write_lattice(path, *booster)
    return path


def numbers(text: str, label: str) -> list[float]:
    line = next(line for line in text.splitlines() if line.startswith(label))
    return [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", line.removeprefix(label))]


def test_twiss(
    file: Path, booster: tuple[pj.Lattice, pj.Reference], capsys: pytest.CaptureFixture
) -> None:
    out = file.parent / "out"
    assert main(["twiss", str(file), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    table = pj.twiss_table(*booster)
    assert numbers(said, "tune") == pytest.approx([table.tune_x, table.tune_y], rel=1e-8)
    assert numbers(said, "chromaticity") == pytest.approx(
        pj.optics.chromaticities(*booster), rel=1e-8
    )
    with (out / "twiss.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["name"] for row in rows] == list(table.names)
    for column in ("s", "beta_x", "alpha_y", "phase_x", "dispersion_x", "delta"):
        expected = table.orbit[:, 5] if column == "delta" else getattr(table, column)
        np.testing.assert_array_equal([float(row[column]) for row in rows], expected)
    assert (out / "twiss.png").read_bytes().startswith(b"\x89PNG")


def test_track_and_losses(
    file: Path, booster: tuple[pj.Lattice, pj.Reference], capsys: pytest.CaptureFixture
) -> None:
    lattice, reference = booster
    narrow = pj.Lattice([pj.Aperture(half_width=0.01, name="scraper"), lattice])
    write_lattice(file, narrow, reference)
    out, end = file.parent / "out", file.parent / "end.h5"
    argv = [
        "track",
        str(file),
        "--out",
        str(out),
        "--save",
        str(end),
        "--emittance",
        "1e-5",
        "5e-6",
    ]
    assert main([*argv, "--particles", "300", "--turns", "20", "--sigma-delta", "1e-3"]) == 0
    said = capsys.readouterr().out
    beam = pj.distributions.gaussian(
        reference,
        300,
        twiss=pj.twiss_table(narrow, reference)[0],
        emittance=(1e-5, 5e-6),
        sigma_delta=1e-3,
        seed=1,
    )
    expected = pj.track(narrow, beam, turns=20)
    assert 20 < expected.lost < 280
    assert f"{expected.lost} lost" in said
    saved = read_beam(end)
    np.testing.assert_array_equal(saved.alive, expected.alive)
    kept = expected.alive.numpy()
    np.testing.assert_allclose(saved.numpy()[kept], expected.numpy()[kept], rtol=0, atol=1e-12)
    assert (out / "track.png").read_bytes().startswith(b"\x89PNG")
    assert main(["track", str(file), "--out", str(out), "--beam", str(end)]) == 0
    assert "300 macroparticles" in capsys.readouterr().out


def test_the_losses_of_a_beam_that_is_lost_are_drawn(
    file: Path, booster: tuple[pj.Lattice, pj.Reference], capsys: pytest.CaptureFixture
) -> None:
    lattice, reference = booster
    write_lattice(file, pj.Lattice([pj.Aperture(half_width=1e-9), lattice]), reference)
    out = file.parent / "out"
    assert main(["track", str(file), "--out", str(out), "--particles", "50"]) == 0
    assert "50 lost" in capsys.readouterr().out
    assert (out / "track.png").read_bytes().startswith(b"\x89PNG")


def test_the_particle_may_be_given(file: Path, capsys: pytest.CaptureFixture) -> None:
    argv = ["twiss", str(file), "--out", str(file.parent)]
    assert main([*argv, "--species", "proton", "--kinetic", "1.4e9"]) == 0
    expected = pj.Reference.from_kinetic("proton", 1.4e9)
    assert f"p0c {expected.p0c:.9g} eV" in capsys.readouterr().out
    assert main([*argv, "--species", "proton"]) == 1
    assert "--kinetic" in capsys.readouterr().err


def test_what_cannot_be(
    file: Path, booster: tuple[pj.Lattice, pj.Reference], capsys: pytest.CaptureFixture
) -> None:
    lattice, reference = booster
    for path, made, said in (
        (file.with_name("nowhere.json"), None, "nowhere.json"),
        (file.with_name("line.json"), (pj.Lattice([pj.Drift(1.0)]), reference), "unstable"),
        (file.with_name("who.json"), (lattice, None), "--species"),
    ):
        if made:
            write_lattice(path, *made)
        assert main(["twiss", str(path)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("pyjutrack: ")
        assert said in error
        assert not path.with_suffix("").exists()


MADX = """beam, particle=proton, pc=10; kf = 0.6; kd := -kf; lost := nothing;
qf: quadrupole, l=0.5, k1:=kf; qd: quadrupole, l=0.5, k1:=kd; b: sbend, l=1, angle=0.1, h1=0.2;
d: drift, l=0.75; ring: line=(d,qf,d,b,d,qd,d,b);
"""


def test_info_says_what_was_read(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "a.madx"
    path.write_text(MADX)
    assert main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    for row in (
        "8 elements, 6 m",
        "proton, mass 938272089 eV, charge 1 e, p0c 1e+10 eV",
        "2 Quadrupole           1.000000 m",
        "4 variables, 2 of them computed; 2 parameters follow them",
        "kd = -0.6 = -kf",
        "1 note",
        "sbend b: h1 = 0.2 is left out",
    ):
        assert row in said, said
    path.write_text(MADX + "".join(f"v{n} = {n};" for n in range(30)))
    assert main(["info", str(path)]) == 0
    assert "14 more; --all shows them" in capsys.readouterr().out
    assert main(["info", str(path), "--all"]) == 0
    assert "  v29 = 29\n" in capsys.readouterr().out
    assert main(["info", str(path), "--strict"]) == 1


def test_convert_lattices(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "a.madx"
    path.write_text(MADX)
    assert main(["convert", str(path), str(tmp_path / "b.json")]) == 0
    assert "h1 = 0.2 is left out" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "b.json"), str(tmp_path / "c.madx")]) == 0
    first = pj.io.read_lattice(tmp_path / "b.json")
    again = pj.io.read_lattice(tmp_path / "c.madx")
    for lattice in (first.lattice, again.lattice):
        assert dict(lattice.variables) == {"kf": 0.6, "kd": -0.6, "lost": 0.0, "nothing": 0.0}
        assert lattice.with_values(kf=0.5).value("qd.k1") == -0.5
    assert main(["convert", str(path), str(tmp_path / "b.json"), "--strict"]) == 1
    assert main(["convert", str(path), str(tmp_path / "b.lte")]) == 1
    capsys.readouterr()
    for argv, words in (
        ([str(path), "b.xyz"], ("a.madx is a lattice", "b.xyz", ".json", "--to")),
        (["linera", "b.onnx"], ("no network named 'linera'", "did you mean 'linear'?")),
    ):
        assert main(["convert", *argv]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert all(word in said for word in words), said

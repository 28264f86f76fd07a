"""Choosing engines, and what is said where there is no Julia."""

import pytest

import pyjutrack as pj
from pyjutrack import cli
from pyjutrack.engines import ENGINES, Engine, engine_of
from pyjutrack.engines.julia import installation
from pyjutrack.engines.native import Native

EXE, PROJECT = "PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT"


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """An executable that prints a version, and lists packages for anything else."""

    def make(version="julia version 1.10.8", listing="", status=0):
        file = tmp_path / "julia"
        listed = "\n".join(f"echo '{line}'" for line in listing.splitlines())
        file.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; exit; fi\n'
            f"{listed}\nexit {status}\n"
        )
        file.chmod(0o755)
        monkeypatch.setenv(EXE, str(file))
        monkeypatch.setenv(PROJECT, str(tmp_path))
        return file

    return make


@pytest.fixture
def nameless(monkeypatch, tmp_path):
    """No Julia named, and none set up."""
    import juliapkg

    monkeypatch.delenv(EXE, raising=False)
    monkeypatch.delenv(PROJECT, raising=False)
    monkeypatch.setitem(juliapkg.state.STATE, "meta", str(tmp_path / "meta.json"))


def test_engines_by_name_and_as_they_are():
    assert isinstance(engine_of("native"), Native)
    assert isinstance(Native(), Engine)
    mine = Native("mine")
    assert engine_of(mine) is mine
    assert ENGINES[0] == "native"
    with pytest.raises(pj.errors.UnknownNameError, match="'julia'"):
        engine_of("julai")


def test_the_default_is_native(cell, make_beam):
    beam = make_beam(100)
    ours, named = (pj.track(cell, beam, **o) for o in ({}, {"engine": "native"}))
    assert (ours.coordinates == named.coordinates).all()


def test_an_engine_of_the_user(cell, make_beam):
    calls = []

    class Counting(Native):
        def track(self, task):
            calls.append(task.plan.slices())
            return super().track(task)

    pj.track(cell, make_beam(10), engine=Counting())
    assert calls == [(0,) * 5]


def test_without_juliacall(monkeypatch):
    monkeypatch.setattr(installation.util, "find_spec", lambda name: None)
    with pytest.raises(pj.errors.MissingPackageError, match=r"\.\[julia\].*native engine does"):
        installation.find()
    assert cli.main(["julia", "status"]) == 1


def test_without_julia(nameless, capsys):
    with pytest.raises(
        pj.errors.MissingPackageError, match=r"has not been set up.*julia setup.*native"
    ):
        installation.find()
    assert cli.main(["julia", "status"]) == 1
    assert "has not been set up" in capsys.readouterr().out


def test_one_of_two_variables(monkeypatch, fake):
    fake()
    monkeypatch.delenv(PROJECT)
    with pytest.raises(pj.errors.MissingPackageError, match=f"{EXE} is set and {PROJECT} is not"):
        installation.find()


def test_an_executable_or_a_project_that_is_not_there(monkeypatch, fake):
    fake()
    monkeypatch.setenv(PROJECT, "/nowhere")
    with pytest.raises(pj.errors.MissingPackageError, match="/nowhere does not exist"):
        installation.find()
    monkeypatch.setenv(EXE, "/nowhere/julia")
    with pytest.raises(pj.errors.MissingPackageError, match="/nowhere/julia is no executable"):
        installation.find()


def test_julia_too_old(fake):
    fake("julia version 1.9.4")
    with pytest.raises(pj.errors.MissingPackageError, match=r"1\.9\.4 .* too old.*1\.10 or newer"):
        installation.find()


def test_no_julia_at_all(fake):
    fake("Python 3.11.7")
    with pytest.raises(pj.errors.MissingPackageError, match="is no Julia: it prints 'Python"):
        installation.find()


def test_packages_missing(fake, capsys):
    fake(listing="Enzyme 0.13.44\nNNlib 0.9.30")
    found = installation.find()
    assert found.named
    with pytest.raises(
        pj.errors.MissingPackageError, match=r"lacks JSON, JuTrack, PythonCall; add them"
    ):
        installation.require_packages(found)
    assert cli.main(["julia", "status"]) == 1
    out = capsys.readouterr().out
    assert "Enzyme     0.13.44" in out
    assert "JuTrack    missing" in out
    assert cli.main(["julia", "setup"]) == 1
    assert "lacks JSON" in capsys.readouterr().err


def test_a_julia_that_fails(fake):
    fake(status=3)
    with pytest.raises(pj.errors.MissingPackageError, match="fails"):
        installation.packages(installation.find())


def test_the_sources_are_there():
    assert (installation.source() / "PyJuTrack.jl").is_file()


@pytest.mark.parametrize("adjoint", ["store", "checkpoint"])
def test_the_backward_pass_of_julia_is_its_own(cell, make_beam, adjoint) -> None:
    from pyjutrack.engines.julia import border
    from pyjutrack.tracking.task import task_of

    border.check(task_of(cell, make_beam(5), [], 1))
    with pytest.raises(pj.errors.InvalidValueError, match=f"{adjoint}.*back along the beam"):
        border.check(task_of(cell, make_beam(5), [], 1, adjoint))

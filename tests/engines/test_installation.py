"""What is said where there is no Julia, or one that lacks something."""

import re

import pytest

import pyjutrack as pj
from pyjutrack import cli
from pyjutrack.engines.julia import installation

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


@pytest.mark.parametrize(("version", "age"), [("1.9.4", "old"), ("1.11.0", "new")])
def test_julia_of_another_version_than_was_tested(fake, version, age):
    """A project with a manifest is taken at its word, so that no resolver looks at the bounds."""
    fake(f"julia version {version}")
    message = rf"{re.escape(version)} .* too {age}; .*needs 1\.10"
    with pytest.raises(pj.errors.MissingPackageError, match=message):
        installation.find()


def test_no_julia_at_all(fake):
    fake("Python 3.11.7")
    with pytest.raises(pj.errors.MissingPackageError, match="is no Julia: it prints 'Python"):
        installation.find()


def test_packages_missing(fake, capsys):
    fake(listing="Enzyme 0.13.44 /a\nNNlib 0.9.30 /b")
    found = installation.find()
    assert found.named
    with pytest.raises(
        pj.errors.MissingPackageError,
        match=r"lacks JSON, JuTrack, PrecompileTools, PythonCall; add them",
    ):
        installation.require_packages(found)
    assert cli.main(["julia", "status"]) == 1
    out = capsys.readouterr().out
    assert "Enzyme          0.13.44" in out
    assert "JuTrack         missing" in out
    assert cli.main(["julia", "setup"]) == 1
    assert "lacks JSON" in capsys.readouterr().err


OTHERS = "\n".join(f"{name} 1.0.0 /somewhere/{name}" for name in installation.PACKAGES)


def test_a_project_without_the_bundled_package(fake, capsys):
    fake(listing=OTHERS)
    lacks = r"lacks PyJuTrack; run `pyjutrack julia setup`"
    with pytest.raises(pj.errors.MissingPackageError, match=lacks):
        installation.require_packages(installation.find())
    assert cli.main(["julia", "status"]) == 1
    out = capsys.readouterr().out
    assert "PyJuTrack       missing" in out
    assert "julia setup" in out


def test_a_project_with_the_package_of_another_pyjutrack(fake):
    fake(listing=f"{OTHERS}\nPyJuTrack 0.0.1 /elsewhere/julia")
    with pytest.raises(
        pj.errors.MissingPackageError, match=r"PyJuTrack at /elsewhere/julia, and this pyjutrack"
    ):
        installation.require_packages(installation.find())
    fake(listing=f"{OTHERS}\nPyJuTrack 0.0.1 {installation.source()}")
    installation.require_packages(installation.find())


def test_a_manifest_that_names_all_is_taken_at_its_word(fake, tmp_path):
    # this Julia fails when it is asked
    fake(status=3)
    found = installation.find()
    names = [*installation.PACKAGES, installation.OWN]
    (tmp_path / "Project.toml").write_text(
        "[deps]\n" + "".join(f'{name} = "{n}"\n' for n, name in enumerate(names))
    )
    entries = {name: f"/somewhere/{name}" for name in names}
    entries[installation.OWN] = str(installation.source())

    def write():
        text = "".join(f'[[deps.{name}]]\npath = "{path}"\n' for name, path in entries.items())
        (tmp_path / "Manifest.toml").write_text(text)

    write()
    installation.require_packages(found)
    entries[installation.OWN] = "/elsewhere"
    write()
    assert not installation.has_all(found)
    del entries[installation.OWN]
    write()
    assert not installation.has_all(found)
    (tmp_path / "Manifest.toml").write_text("[[deps")
    assert not installation.has_all(found)


def test_a_julia_that_fails(fake):
    fake(status=3)
    with pytest.raises(pj.errors.MissingPackageError, match="fails"):
        installation.packages(installation.find())


def test_the_sources_are_there():
    assert (installation.source() / "src" / "PyJuTrack.jl").is_file()

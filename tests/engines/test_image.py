"""The system image of Julia: which one is used, and what is said of others; no Julia is started."""

import os

import pytest

import pyjutrack as pj
from pyjutrack import cli
from pyjutrack.engines.julia import image, installation


@pytest.fixture
def found(tmp_path, monkeypatch):
    """An installation of a Julia that prints its version, or its arguments if it is to fail."""
    julia = tmp_path / "julia"
    julia.write_text(
        '#!/bin/sh\nif [ "$1" = --version ]; then echo "julia version 1.10.8"; exit; fi\n'
        "echo no space left >&2\nexit 3\n"
    )
    julia.chmod(0o755)
    (tmp_path / "Manifest.toml").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(image.VARIABLE, raising=False)
    # what `use` sets goes with the test
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return installation.Installation(str(julia), str(tmp_path), named=True)


def make(found):
    file = image.path(found)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    return file


def test_none_is_none(found, capsys):
    with image.use(found):
        assert image.VARIABLE not in os.environ
    assert image.describe(found) == "none"
    assert capsys.readouterr().err == ""


def test_that_of_today_is_used(found):
    """While Julia starts; what this process starts later is not told of it."""
    file = make(found)
    with image.use(found):
        assert os.environ[image.VARIABLE] == str(file)
    assert image.VARIABLE not in os.environ
    assert image.describe(found) == str(file)


def test_the_users_own_comes_first(found):
    make(found)
    os.environ[image.VARIABLE] = "/mine.so"
    with image.use(found):
        assert os.environ[image.VARIABLE] == "/mine.so"
    assert os.environ[image.VARIABLE] == "/mine.so"
    assert "named by the environment" in image.describe(found)


@pytest.mark.parametrize("changed", ["manifest", "julia", "package"])
def test_a_stale_one_is_not_used_and_said(found, tmp_path, monkeypatch, capsys, changed):
    old = make(found)
    if changed == "manifest":
        (tmp_path / "Manifest.toml").write_text("other versions")
    elif changed == "julia":
        monkeypatch.setattr(installation, "julia_version", lambda executable: (1, 10, 9))
    else:
        (tmp_path / "src").mkdir()
        monkeypatch.setattr(installation, "source", lambda: tmp_path)
    assert image.path(found) != old
    assert image.stale(found) == [old]
    with image.use(found):
        assert image.VARIABLE not in os.environ
    assert "stale and not used" in capsys.readouterr().err
    assert "stale" in image.describe(found)


def test_no_compiler(found, monkeypatch):
    monkeypatch.setattr(image.shutil, "which", lambda name: None)
    os.environ.pop("CC", None)
    with pytest.raises(pj.errors.EngineError, match="C compiler"):
        image.build(found)


def test_a_step_that_fails_says_why_and_leaves_nothing(found, monkeypatch):
    monkeypatch.setattr(image, "_WORK", "pass")
    with pytest.raises(pj.errors.EngineError, match=r"finding .* failed.*no space left"):
        image.build(found)
    assert list(image.folder().iterdir()) == []


def test_the_command_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(installation.util, "find_spec", lambda name: None)
    assert cli.main(["julia", "sysimage"]) == 1
    assert "needs juliacall" in capsys.readouterr().err

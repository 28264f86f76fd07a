"""The command line: what it writes, and what it says when it cannot."""

import json

import pytest

import pyjutrack as pj
from pyjutrack import __version__
from pyjutrack.cli import main
from pyjutrack.core.atomic import write_json, write_whole


def test_one_table_is_computed_and_written(tmp_path, capsys):
    argv = ["reproduce", "--table", "2", "--particles", "2500", "--seeds", "1"]
    assert main([*argv, "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "Table 2" in shown
    assert "Table 3" not in shown
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["particles"] == 2500
    assert results["version"] == __version__
    assert results["network"]["digest"] == pj.Surrogate.load("linear").about["digest"]
    found = results["physical"]["unet"]
    assert set(found) >= {"jacobian_ad", "jacobian_fd", "tunes", "per_seed"}
    assert "gradients_ad" not in found
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["reproduce", "--particles", "0"], "not a positive whole number"),
        (["reproduce", "--seeds", "x"], "not a positive whole number"),
        (["reproduce", "--table", "4"], "invalid choice"),
        (["reproduse"], "reproduce"),
        ([], "required"),
    ],
)
def test_bad_arguments(argv, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert __version__ in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_reported(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    argv = ["reproduce", "--table", "2", "--particles", "2500", "--seeds", "1"]
    assert main([*argv, "--out", str(tmp_path / "file")]) == 1
    assert "file" in capsys.readouterr().err


def test_files_are_whole_or_not_there(tmp_path):
    path = tmp_path / "deep" / "x.json"
    write_json(path, {"a": 1})

    def broken(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, broken)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}

"""Requirements of package managers agree: one list for Python, one for Julia, one for CI."""

import json
import tomllib
from pathlib import Path

from pyjutrack.engines.julia import installation

ROOT = Path(__file__).parents[2]
ASKED = json.loads((ROOT / "juliapkg.json").read_text())
PROJECT = tomllib.loads((ROOT / "julia" / "Project.toml").read_text())


def test_every_package_of_julia_is_asked_for():
    standard = {"LinearAlgebra", "SHA", "Statistics"}
    assert set(ASKED["packages"]) == set(PROJECT["deps"]) - standard
    for name, entry in ASKED["packages"].items():
        assert entry["uuid"] == PROJECT["deps"][name]
        if "version" in entry:
            assert entry["version"] == PROJECT["compat"][name]


def test_what_is_looked_for_is_what_is_asked_for():
    # juliacall asks for PythonCall itself
    assert set(installation.PACKAGES) == {*ASKED["packages"], "PythonCall"}
    tested = ".".join(map(str, installation.TESTED))
    assert ASKED["julia"] == PROJECT["compat"]["julia"] == f"~{tested}"
    assert PROJECT["name"] == installation.OWN


def test_all_that_the_package_uses_is_bounded():
    assert set(PROJECT["compat"]) == {"julia", *PROJECT["deps"], *PROJECT["extras"]}
    assert set(PROJECT["targets"]["test"]) == set(PROJECT["extras"])


def test_ci_runs_the_julia_that_is_asked_for():
    workflow = (ROOT / ".github" / "workflows" / "julia.yml").read_text()
    assert 'julia: ["' + ASKED["julia"].removeprefix("~") + '"]' in workflow


def test_ci_takes_the_same_jutrack():
    jutrack = ASKED["packages"]["JuTrack"]
    workflow = (ROOT / ".github" / "workflows" / "julia.yml").read_text()
    assert jutrack["url"] in workflow
    assert jutrack["rev"] in workflow

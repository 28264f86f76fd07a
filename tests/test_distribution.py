"""What is released: one version, links that lead somewhere, files that others read."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import pyjutrack as pj

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RELATIVE = re.compile(r"\]\((?!https?://|#|mailto:)")


def read_yaml(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_version_is_the_same_everywhere() -> None:
    assert "version" in PROJECT["dynamic"]
    julia = tomllib.loads((ROOT / "julia/Project.toml").read_text(encoding="utf-8"))
    versions = {
        "CITATION.cff": read_yaml("CITATION.cff")["version"],
        "julia": julia["version"],
        "recipe": read_yaml("recipe/recipe.yaml")["context"]["version"],
    }
    assert versions == dict.fromkeys(versions, pj.__version__)


def test_authors_are_those_to_cite() -> None:
    cited = [author["name"] for author in read_yaml("CITATION.cff")["authors"]]
    assert [author["name"] for author in PROJECT["authors"]] == cited


def test_no_link_of_the_description_is_relative(hook: ModuleType) -> None:
    assert RELATIVE.search(README), "there is nothing to mend"
    metadata: dict = {}
    hook.ReadmeHook(str(ROOT), {}).update(metadata)
    text = metadata["readme"]["text"]
    assert metadata["readme"]["content-type"] == "text/markdown"
    assert not RELATIVE.search(text)
    assert "docs/limits.md" in text
    source = {"urls": {"Source": "https://example.org/a/"}}
    hook.ReadmeHook(str(ROOT), {}).update(source)
    assert not RELATIVE.search(source["readme"]["text"])
    assert "(https://example.org/a/blob/main/docs/limits.md)" in source["readme"]["text"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![a](docs/a.png)\n\nb", "b"),
        ("![a](https://example.org/a.png)", "![a](https://example.org/a.png)"),
        ("[a](#b) [c](https://example.org)", "[a](#b) [c](https://example.org)"),
        ("[docs/a.md](docs/a.md)", "docs/a.md"),
        ("[rings](examples/rings/README.md)", "rings (`examples/rings/README.md`)"),
    ],
)
def test_links_of_the_description(hook: ModuleType, text: str, shown: str) -> None:
    assert hook.for_index(text, None) == shown


def test_faults_of_a_distribution_are_named() -> None:
    from check_distribution import differences, metadata_faults

    assert differences("it", {"a", "b"}, {"b", "c"}) == ["it lacks c", "it has a besides"]
    good = "Author: a\nLicense-Expression: MIT\nRequires-Python: >=3.11\nSummary: b\n\n[a](#c)"
    assert metadata_faults(good) == []
    assert "lack Author" in metadata_faults(good.replace("Author", "Actor"))[0]
    assert "docs/a.md" in metadata_faults(good + " [b](docs/a.md)")[0]


def test_pythons_are_those_of_the_workflows() -> None:
    form = "Programming Language :: Python :: 3."
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith(form)]
    assert named[0] == PROJECT["requires-python"].removeprefix(">=")
    for file, job in (("ci", "test"), ("release", "test")):
        jobs = read_yaml(f".github/workflows/{file}.yml")["jobs"]
        assert jobs[job]["strategy"]["matrix"]["python"] == named


def test_a_release_is_published_after_its_checks_only() -> None:
    jobs = read_yaml(".github/workflows/release.yml")["jobs"]
    assert (jobs["publish"]["needs"], jobs["test"]["needs"]) == ("test", "build")
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "tag" in jobs["publish"]["if"]


def test_the_recipe_asks_for_what_the_package_asks_for() -> None:
    recipe = read_yaml("recipe/recipe.yaml")
    other = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    asked = {tuple(re.split("(?=>=)", d.replace(" ", ""))) for d in recipe["requirements"]["run"]}
    own = {tuple(re.split("(?=>=)", d.lower())) for d in PROJECT["dependencies"]}
    expected = {(other.get(name, name), least) for name, least in own}
    assert asked - {("python", ">=${{python_min}}")} == expected
    assert recipe["context"]["python_min"] == PROJECT["requires-python"].removeprefix(">=")
    assert recipe["build"]["noarch"] == "python"


def test_the_source_archive_promises_all_but_what_serves_git() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no clone")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    tops = {line.partition("/")[0] for line in listed.splitlines()}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    promised = {place[1:] for place in settings["build"]["targets"]["sdist"]["include"]}
    of_the_build = {".gitignore", "hatch_build.py", "pyproject.toml", "LICENSE"}
    assert tops - promised - of_the_build == {".ci"}


def test_binder_opens_what_there_is() -> None:
    assert read_yaml("binder/environment.yml")["dependencies"]
    if sys.platform != "win32":
        assert (ROOT / "binder/postBuild").stat().st_mode & 0o111

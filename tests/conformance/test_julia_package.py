"""The Julia package's own tests, as `Pkg.test()` runs them, and how it gets into a project."""

import os
import shutil
import subprocess
import tomllib

import pytest

import pyjutrack as pj
from pyjutrack.engines.julia import installation, installing

STANDARD = {"LinearAlgebra", "SHA", "Statistics"}


def test_its_own_tests(julia):
    found = installation.find()
    tests = installation.source() / "test" / "runtests.jl"
    done = subprocess.run(
        [found.executable, f"--project={found.project}", tests],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def stand_ins(julia, tmp_path):
    """A project of packages without content that have the names and versions of those needed."""
    needed = tomllib.loads((installation.source() / "Project.toml").read_text())
    direct, entries = ["[deps]"], ['manifest_format = "2.0"', ""]
    for name in set(needed["deps"]) - STANDARD | {"PythonCall"}:
        uuid = needed["deps"].get(name, "6099a3de-0909-46bc-b1f4-468b9a2dfc0d")
        version = needed["compat"].get(name, "0.9.34").lstrip("=~")
        version += ".0" * (2 - version.count("."))
        head = f'name = "{name}"\nuuid = "{uuid}"\nversion = "{version}"\n'
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "Project.toml").write_text(head)
        (tmp_path / name / "src" / f"{name}.jl").write_text(f"module {name}\nend\n")
        direct.append(f'{name} = "{uuid}"')
        entry = f'path = "{tmp_path / name}"\nuuid = "{uuid}"\nversion = "{version}"'
        entries.append(f"[[deps.{name}]]\n{entry}\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "Project.toml").write_text("\n".join(direct))
    (project / "Manifest.toml").write_text("\n".join(entries))
    return installation.Installation(installation.find().executable, str(project), named=True)


def test_setup_adds_it_to_a_project_offline(stand_ins):
    with pytest.raises(pj.errors.MissingPackageError, match=r"lacks PyJuTrack; run .*julia setup"):
        installation.require_packages(stand_ins)
    installing.develop(stand_ins)
    assert installation.has_all(stand_ins)
    present = installation.packages(stand_ins)
    assert installation.is_ours(present["PyJuTrack"].folder)


def test_setup_says_which_versions_do_not_fit(stand_ins):
    folder = installation.packages(stand_ins)["Enzyme"].folder
    file = os.path.join(folder, "Project.toml")
    with open(file) as old:
        text = old.read()
    with open(file, "w") as new:
        new.write(text.replace("0.13.44", "0.13.1"))
    with pytest.raises(pj.errors.EngineError, match=r"(?s)Pkg could not add .*Enzyme.*0\.13\.44"):
        installing.develop(stand_ins)


def test_a_package_of_another_pyjutrack(stand_ins, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(installation.source(), other)
    project = os.path.join(stand_ins.project, "Manifest.toml")
    installing.develop(stand_ins)
    with open(project) as old:
        text = old.read()
    with open(project, "w") as new:
        new.write(text.replace(str(installation.source()), str(other)))
    with pytest.raises(pj.errors.MissingPackageError, match=r"PyJuTrack at .*other, and this"):
        installation.require_packages(stand_ins)
    installing.develop(stand_ins)
    installation.require_packages(stand_ins)

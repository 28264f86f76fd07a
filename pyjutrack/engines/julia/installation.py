"""The installed Julia and its packages, found without starting Julia in this process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from ...core.errors import MissingPackageError

#: the Julia that the packages are bounded at, and their results are tested on
TESTED = (1, 10)
#: what the bundled Julia package and juliacall need
PACKAGES = ("Enzyme", "JSON", "JuTrack", "NNlib", "PrecompileTools", "PythonCall")
#: the bundled Julia package
OWN = "PyJuTrack"

_EXE, _PROJECT = "PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT"
_REMEDY = (
    'in a clone of pyjutrack, install it with `pip install ".[julia]"` and '
    "`pyjutrack julia setup`, or leave "
    'engine="julia" out: the native engine does the same work'
)

# names, versions and folders of packages that the project finds, one a line
_LIST = """
using TOML
for name in ARGS
    id = Base.identify_package(name)
    file = id === nothing ? nothing : Base.locate_package(id)
    file === nothing && continue
    folder = dirname(dirname(file))
    project = joinpath(folder, "Project.toml")
    version = isfile(project) ? get(TOML.parsefile(project), "version", "?") : "?"
    println(name, " ", version, " ", folder)
end
"""


@dataclass(frozen=True)
class Installation:
    """A Julia and the project that holds its packages.

    Attributes:
        executable, project: paths.
        named: whether the user named them by juliacall's environment variables.
    """

    executable: str
    project: str
    named: bool


@dataclass(frozen=True)
class Package:
    """A Julia package that a project finds.

    Attributes:
        version: of its Project.toml.
        folder: where it stands.
    """

    version: str
    folder: str


def source() -> Path:
    """The folder of the bundled Julia package."""
    package = Path(__file__).parents[2]
    for folder in (package / "julia", package.parent / "julia"):
        if (folder / "src" / "PyJuTrack.jl").is_file():
            return folder
    raise MissingPackageError(f"the Julia sources are missing from the installation at {package}")


def find() -> Installation:
    """The Julia and the project that juliacall would use, if both are there.

    Raises:
        MissingPackageError: juliacall, Julia or its project is missing, or Julia is of another
            version than was tested.
    """
    if util.find_spec("juliacall") is None:
        raise MissingPackageError(f"the julia engine needs juliacall; {_REMEDY}")
    found = _find_named() or _find_resolved()
    version = julia_version(found.executable)
    if version[:2] != TESTED:
        age = "old" if version < TESTED else "new"
        raise MissingPackageError(
            f"Julia {'.'.join(map(str, version))} at {found.executable} is too {age}; the julia "
            f"engine needs {'.'.join(map(str, TESTED))}"
        )
    return found


def is_named() -> bool:
    """Return whether the user names a Julia or a project."""
    return bool(os.environ.get(_EXE) or os.environ.get(_PROJECT))


def _find_named() -> Installation | None:
    """Return the installation that the environment variables name."""
    executable, project = os.environ.get(_EXE), os.environ.get(_PROJECT)
    if not is_named():
        return None
    if not (executable and project):
        present, lacking = (_EXE, _PROJECT) if executable else (_PROJECT, _EXE)
        raise MissingPackageError(f"{present} is set and {lacking} is not; juliacall takes both")
    path = shutil.which(executable)
    if path is None:
        raise MissingPackageError(f"{_EXE}={executable} is no executable; name the Julia to use")
    if not Path(project).exists():
        raise MissingPackageError(f"{_PROJECT}={project} does not exist")
    return Installation(path, project, named=True)


def _find_resolved() -> Installation:
    """Return the installation of `pyjutrack julia setup`; nothing is downloaded here."""
    if util.find_spec("juliapkg") is None:
        raise MissingPackageError(f"the julia engine needs juliapkg; {_REMEDY}")
    import juliapkg

    if not Path(juliapkg.state.STATE["meta"]).is_file() or not juliapkg.resolve(dry_run=True):
        raise MissingPackageError(f"the julia engine has not been set up; {_REMEDY}")
    return Installation(juliapkg.executable(), juliapkg.project(), named=False)


def julia_version(executable: str) -> tuple[int, ...]:
    """(major, minor, patch) of a Julia.

    Raises:
        MissingPackageError: it does not say, so it is none.
    """
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingPackageError(f"{executable} does not run: {error}") from error
    match = re.search(r"julia version (\d+)\.(\d+)\.(\d+)", done.stdout)
    if match is None:
        raise MissingPackageError(f"{executable} is no Julia: it prints {done.stdout[:80]!r}")
    return tuple(int(part) for part in match.groups())


def packages(found: Installation) -> dict[str, Package]:
    """Those of `PACKAGES` and of `OWN` that a project finds, by name."""
    # juliacall looks where Julia looks: besides the project in the default environments
    options = [f"--project={found.project}", "--startup-file=no", "-O0"]
    done = subprocess.run(
        [found.executable, *options, "-e", _LIST, *PACKAGES, OWN],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode != 0:
        raise MissingPackageError(f"Julia at {found.executable} fails: {done.stderr.strip()}")
    lines = (line.split(" ", 2) for line in done.stdout.splitlines())
    return {name: Package(version, folder) for name, version, folder in lines}


def require_packages(found: Installation) -> None:
    """Raise MissingPackageError for packages that a project lacks, with the remedy.

    A project whose manifest names them all is taken at its word, which takes no time.
    """
    if has_all(found):
        return
    present = packages(found)
    require_others(found, present)
    require_own(found, present.get(OWN))


def has_all(found: Installation) -> bool:
    """Whether a project and its manifest name all packages, and the bundled one by its path."""
    folder = Path(found.project)
    try:
        direct = tomllib.loads((folder / "Project.toml").read_text()).get("deps", {})
        entries = tomllib.loads((folder / "Manifest.toml").read_text()).get("deps", {})
        path = folder / entries[OWN][0]["path"]
    except (OSError, LookupError, tomllib.TOMLDecodeError):
        return False
    named = {OWN, "PythonCall"} <= direct.keys() and entries.keys() >= {*PACKAGES}
    return named and is_ours(path)


def is_ours(folder: str | Path) -> bool:
    """Whether a folder is that of the bundled Julia package."""
    return Path(folder).resolve() == source().resolve()


def require_others(found: Installation, present: dict[str, Package]) -> None:
    """Raise MissingPackageError for a package that pyjutrack does not bring along."""
    missing = [name for name in PACKAGES if name not in present]
    if missing:
        remedy = (
            f"add them to the project that {_PROJECT} names"
            if found.named
            else "run `pyjutrack julia setup`"
        )
        raise MissingPackageError(
            f"the Julia project {found.project} lacks {', '.join(missing)}; {remedy}. The native "
            "engine does the same work without"
        )


def require_own(found: Installation, own: Package | None) -> None:
    """Raise MissingPackageError where a project has no PyJuTrack, or one of another pyjutrack."""
    remedy = "run `pyjutrack julia setup` once, which adds it by its path, offline"
    if own is None:
        raise MissingPackageError(f"the Julia project {found.project} lacks {OWN}; {remedy}")
    if not is_ours(own.folder):
        raise MissingPackageError(
            f"the Julia project {found.project} has {OWN} at {own.folder}, and this pyjutrack "
            f"brings {source()}; {remedy}"
        )

"""Commands of `pyjutrack julia`: install what the engine needs, and say what is there."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata, util

from ...core.errors import EngineError, MissingPackageError
from . import image, installation

# `offline` has the resolver take what is installed. Without any registry Pkg downloads one all the
# same, so it is given an empty one; JuTrack is in none.
_DEVELOP = """
using Pkg
Pkg.offline(true)
if isempty(Pkg.Registry.reachable_registries())
    depot = mktempdir()
    folder = mkpath(joinpath(depot, "registries", "Empty"))
    uuid = "3e1f6d3c-6b0d-4f6e-9d0b-2f1f0a8d5c11"
    lines = ["name = \\"Empty\\"", "uuid = \\"$uuid\\"", "[packages]"]
    write(joinpath(folder, "Registry.toml"), join(lines, "\\n"))
    push!(DEPOT_PATH, depot)
end
Pkg.develop(path=ARGS[1])
"""

# in a process of its own: a Julia that crashes takes nothing with it
_START = """
from pyjutrack.engines.julia.session import session
s = session()
print(s.main.Threads.nthreads())
"""


def setup() -> None:
    """Install Julia, if there is none, and the packages; then precompile and load them.

    With PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT nothing is downloaded: to that project
    the bundled package is added by its path, if it is not there, offline and without a registry.

    Raises:
        MissingPackageError: juliacall is missing, or a package of a project that the user named.
        EngineError: installing or loading failed; with the message of what did.
    """
    try:
        found = installation.find()
    except MissingPackageError:
        if util.find_spec("juliacall") is None or installation.is_named():
            raise
        _resolve()
        found = installation.find()
    if not installation.has_all(found):
        present = installation.packages(found)
        installation.require_others(found, present)
        own = present.get(installation.OWN)
        if own is None or not installation.is_ours(own.folder):
            develop(found)
    installation.require_packages(found)
    _start()


def status() -> tuple[list[str], bool]:
    """Report what is found, a line each, and whether the engine can be used."""
    if util.find_spec("juliacall") is None:
        return ['juliacall       missing: in a clone of pyjutrack, pip install ".[julia]"'], False
    lines = [f"juliacall       {metadata.version('juliacall')}"]
    try:
        found = installation.find()
    except MissingPackageError as error:
        return [*lines, f"Julia           {error}"], False
    version = ".".join(map(str, installation.julia_version(found.executable)))
    named = ", named by the environment" if found.named else ""
    lines += [
        f"Julia           {version} at {found.executable}{named}",
        f"project         {found.project}",
    ]
    present = installation.packages(found)
    for name in (*installation.PACKAGES, installation.OWN):
        version = present[name].version if name in present else "missing"
        lines.append(f"{name:<15} {version}")
    try:
        installation.require_packages(found)
    except MissingPackageError as error:
        return [*lines, f"engine               {error}"], False
    lines.append(f"image           {image.describe(found)}")
    try:
        threads = _start()
    except EngineError as error:
        return [*lines, f"engine          does not start: {error}"], False
    return [*lines, f"engine          ready, {threads} Julia thread(s)"], True


def build_image() -> None:
    """Build the system image of the installation that is found.

    Raises:
        MissingPackageError: the engine is not set up.
        EngineError: it cannot be built; with the message of what failed.
    """
    found = installation.find()
    installation.require_packages(found)
    image.build(found)


def _resolve() -> None:
    """Let juliapkg download what juliapkg.json asks for."""
    import juliapkg

    try:
        juliapkg.resolve()
    except Exception as error:  # it raises anything, from sockets and from Julia alike
        raise EngineError(f"juliapkg could not install Julia and its packages: {error}") from error


def develop(found: installation.Installation) -> None:
    """Add the bundled package to a project by its path, offline and without a registry.

    Raises:
        EngineError: Pkg does not, because versions do not fit, say; with its message.
    """
    done = subprocess.run(
        [
            found.executable,
            f"--project={found.project}",
            "--startup-file=no",
            "-e",
            _DEVELOP,
            str(installation.source()),
        ],
        # juliacall loads it in a moment, and compiles what is new
        env={**os.environ, "JULIA_PKG_PRECOMPILE_AUTO": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise EngineError(
            f"Pkg could not add {installation.source()} to {found.project}: {done.stderr.strip()}"
        )


def _start() -> str:
    """Start the engine in another process; returns its number of threads."""
    done = subprocess.run([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise EngineError(
            f"a Python that starts Julia ended with {done.returncode}; its errors stand above"
        )
    return done.stdout.strip()

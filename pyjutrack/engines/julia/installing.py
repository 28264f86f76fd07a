"""Commands of `pyjutrack julia`: install what the engine needs, and say what is there."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata, util

from ...core.errors import EngineError, MissingPackageError
from . import installation

# in a process of its own: a Julia that crashes takes nothing with it
_START = """
from pyjutrack.engines.julia.session import session
s = session()
print(s.main.Threads.nthreads())
"""


def setup() -> None:
    """Install Julia, if there is none, and the packages; then precompile and load them.

    With PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT nothing is installed: that Julia and that
    project are precompiled as they are, offline.

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
    installation.require_packages(found)
    _start()


def status() -> tuple[list[str], bool]:
    """Report what is found, a line each, and whether the engine can be used."""
    if util.find_spec("juliacall") is None:
        return ['juliacall  missing: in a clone of pyjutrack, pip install ".[julia]"'], False
    lines = [f"juliacall  {metadata.version('juliacall')}"]
    try:
        found = installation.find()
    except MissingPackageError as error:
        return [*lines, f"Julia      {error}"], False
    version = ".".join(map(str, installation.julia_version(found.executable)))
    named = ", named by the environment" if found.named else ""
    lines += [f"Julia      {version} at {found.executable}{named}", f"project    {found.project}"]
    present = installation.packages(found)
    for name in installation.PACKAGES:
        lines.append(f"{name:<10} {present.get(name, 'missing')}")
    if len(present) < len(installation.PACKAGES):
        return lines, False
    try:
        threads = _start()
    except EngineError as error:
        return [*lines, f"engine     does not start: {error}"], False
    return [*lines, f"engine     ready, {threads} Julia thread(s)"], True


def _resolve() -> None:
    """Let juliapkg download what juliapkg.json asks for."""
    import juliapkg

    try:
        juliapkg.resolve()
    except Exception as error:  # it raises anything, from sockets and from Julia alike
        raise EngineError(f"juliapkg could not install Julia and its packages: {error}") from error


def _start() -> str:
    """Start the engine in another process; returns its number of threads."""
    done = subprocess.run([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise EngineError(
            f"a Python that starts Julia ended with {done.returncode}; its errors stand above"
        )
    return done.stdout.strip()

"""System image: a Julia that starts with the engine's packages loaded and compiled, in one file.

A Julia never looks at the sources of a package in its image, so the name of an image holds a mark
of all that it was made of, and `session` takes none but that of today.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import EngineError
from . import installation
from .installation import Installation

#: juliacall's own variable: what the user sets is taken, and `use` sets it else, for the start
VARIABLE = "PYTHON_JULIACALL_SYSIMAGE"

# what is compiled into it, besides what packages compile for themselves
_WORK = """
import pyjutrack as pj
from pyjutrack.cli.paper import fodo
cell, beam = fodo.cell(), fodo.beam(500, seed=1)
options = dict(effects=[fodo.space_charge(fodo.solver())], engine="julia")
pj.track(cell, beam, **options)
pj.jacobian(cell, beam, **options)
growth = pj.observables.emittance_growth("x")
for mode in ("forward", "reverse"):
    pj.gradient(growth, cell, beam, wrt=fodo.KNOBS, mode=mode, **options)
"""

# the image to start from: without one named, a Julia that writes an image begins with nothing
_IMAGE = "print(unsafe_string(Base.JLOptions().image_file))"

_LIBRARIES = """
using Libdl
foreach(println, filter(p -> startswith(basename(p), r"libjulia(-internal)?[.]"), Libdl.dllist()))
"""


def mark(found: Installation) -> str:
    """Return a mark of all that an image is made of: Julia, the project, the bundled package."""
    version = installation.julia_version(found.executable)
    digest = hashlib.sha256(repr((found.executable, version)).encode())
    files = [Path(found.project) / name for name in ("Project.toml", "Manifest.toml")]
    for file in [*files, *sorted((installation.source() / "src").glob("*.jl"))]:
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()[:16]


def folder() -> Path:
    """Where images are kept: XDG_CACHE_HOME/pyjutrack, or ~/.cache/pyjutrack."""
    root = os.environ.get("XDG_CACHE_HOME")
    return Path(root or Path.home() / ".cache") / "pyjutrack"


def path(found: Installation) -> Path:
    """The file of today's image, whether it is there or not."""
    return folder() / f"julia-{mark(found)}.so"


def stale(found: Installation) -> list[Path]:
    """Images of another Julia, project or package, which are not used."""
    return sorted(p for p in folder().glob("julia-*.so") if p != path(found))


@contextmanager
def use(found: Installation) -> Iterator[None]:
    """Have juliacall take today's image, if there is one and the user names none.

    While it starts: processes that this one starts later choose for themselves.
    """
    named = os.environ.get(VARIABLE) or "juliacall-sysimage" in sys._xoptions
    today = path(found)
    if named or not today.is_file():
        if not named and stale(found):
            print(
                "pyjutrack: the system image of Julia is stale and not used; build it again by "
                "`pyjutrack julia sysimage`",
                file=sys.stderr,
            )
        yield
        return
    os.environ[VARIABLE] = str(today)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)


def describe(found: Installation) -> str:
    """What there is of images, in a line."""
    named = os.environ.get(VARIABLE)
    if named:
        return f"{named}, named by the environment"
    today = path(found)
    if today.is_file():
        return str(today)
    return "stale: build it again by `pyjutrack julia sysimage`" if stale(found) else "none"


def build(found: Installation) -> Path:
    """Build today's image and delete stale ones; takes many minutes and a C compiler.

    Raises:
        EngineError: no compiler, or a step fails, with its message.
    """
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        raise EngineError("a system image is linked by a C compiler: install one, or name it by CC")
    today = path(found)
    today.parent.mkdir(parents=True, exist_ok=True)
    julia = [found.executable, f"--project={found.project}", "--startup-file=no"]
    with tempfile.TemporaryDirectory(dir=today.parent) as name:
        work = Path(name)
        statements, code, linked = work / "statements.jl", work / "image.o", work / "image.so"
        begin = _run([*julia, "-e", _IMAGE], "finding Julia's own image").strip()
        # not with an image of ours, which may be the one that does not start
        traced = {"PYTHON_JULIACALL_TRACE_COMPILE": str(statements), VARIABLE: begin}
        _run([sys.executable, "-c", _WORK], "tracing what is compiled", traced)
        given = {"PYJUTRACK_PROJECT": found.project, "PYJUTRACK_STATEMENTS": str(statements)}
        script = Path(__file__).with_name("image.jl")
        _run(
            [*julia, f"--sysimage={begin}", "--pkgimages=no", f"--output-o={code}", str(script)],
            "compiling the packages",
            given,
        )
        libraries = _run([*julia, "-e", _LIBRARIES], "finding Julia's libraries").split("\n")
        _run(
            [
                *(compiler, "-shared", "-o", str(linked)),
                *("-Wl,--whole-archive", str(code), "-Wl,--no-whole-archive"),
                *filter(None, libraries),
            ],
            "linking",
        )
        linked.replace(today)
    for old in stale(found):
        old.unlink(missing_ok=True)
    return today


def _run(command: list[str], task: str, more: dict[str, str] | None = None) -> str:
    print(f"pyjutrack: {task} ...", file=sys.stderr, flush=True)
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE} | (more or {})
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise EngineError(f"{task} failed: {error}") from error
    if done.returncode != 0:
        raise EngineError(f"{task} failed with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout

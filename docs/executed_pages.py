"""Tutorials of the site: notebooks that its build executes."""

from __future__ import annotations

import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyjutrack

FOLDER = "tutorials/"
#: what every kernel of the build runs first: the line that kernels are compiled, which the first
#: build alone would show, is no part of a page
_STARTUP = "import logging\n\nlogging.getLogger('pyjutrack').setLevel('ERROR')\n"


def prepare_kernels(folder: Path, processes: int) -> None:
    """Give the kernels of the build settings of their own, not those of its user, and their cores.

    Threads of kernels that run at once, each as many as there are cores, would wait for each other.
    """
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "quiet.py").write_text(_STARTUP, encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(folder)
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // processes))


def find_outdated(
    app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Tutorials, where the package is not that whose numbers they show: a listener of Sphinx."""
    digest = package_digest()
    if getattr(env, "package_digest", None) == digest:
        return []
    env.package_digest = digest
    return [name for name in env.found_docs if name.startswith(FOLDER)]


def package_digest() -> str:
    """Digest of all files of the package that are not compiled ones."""
    root, digest = Path(pyjutrack.__file__).parent, sha256()
    for file in sorted(root.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(root)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def spread(app: Any, env: Any, names: list[str]) -> None:
    """Spread tutorials among the other pages, in place: a listener of Sphinx.

    Its parallel builds cut the list into pieces of neighbours, each for one process.
    """
    tutorials = [name for name in names if name.startswith(FOLDER)]
    others = [name for name in names if not name.startswith(FOLDER)]
    share = -(-len(others) // max(len(tutorials), 1))
    names[:] = others
    for i, name in enumerate(tutorials):
        names.insert(min(i * (share + 1), len(names)), name)


def link_notebook(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Put a link to the executed notebook under the title of its page: a listener of Sphinx."""
    if "kernelspec" in app.env.metadata.get(page, ()):
        name = f"{Path(page).name}.ipynb"
        link = f'<p><a href="{name}" download>Download this page as a notebook</a></p>'
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{link}", 1)


def copy_notebooks(app: Any, error: Exception | None) -> None:
    """Put executed notebooks beside their pages, when the build is done: a listener of Sphinx."""
    made = Path(app.outdir).parent / "jupyter_execute" / FOLDER
    for file in made.glob("*.ipynb"):
        if error is None and f"{FOLDER}{file.stem}" in app.env.found_docs:
            shutil.copy(file, Path(app.outdir, FOLDER, file.name))

"""Pages of the site that stand elsewhere in the repository, with their links made to fit."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from reference_pages import write_changed

ROOT = Path(__file__).parents[1]
FOLDER = "copied"
#: of a link or an image in Markdown: what is before its target, and the target
_LINK = re.compile(r"(\]\()([^)\s#:]+)(?=[)#])")


def copied() -> dict[Path, str]:
    """Files of the repository, and the names of the pages that they are on the site."""
    found = {Path("CHANGELOG.md"): "changelog", Path("CONTRIBUTING.md"): "contributing"}
    found[Path("RELEASING.md")] = "releasing"
    found[Path("julia/README.md")] = "julia_package"
    found[Path("examples/README.md")] = "examples"
    for readme in sorted(ROOT.glob("examples/*/README.md")):
        found[readme.relative_to(ROOT)] = f"example_{readme.parent.name}"
    return found


def write_copies(folder: Path) -> None:
    """Write all pages; that of the examples leads to each."""
    folder.mkdir(exist_ok=True)
    for file, name in copied().items():
        text = (ROOT / file).read_text(encoding="utf-8")
        write_changed(folder / f"{name}.md", relink(text, file.parent, Path("docs", FOLDER)))
    examples = "\n".join(name for name in copied().values() if name.startswith("example_"))
    with (folder / "examples.md").open("a", encoding="utf-8") as page:
        page.write(f"\n```{{toctree}}\n:hidden:\n\n{examples}\n```\n")


def relink_page(app: Any, name: str, source: list[str]) -> None:
    """Let links of a page lead to what is copied: a listener of Sphinx."""
    folder = Path("docs", name).parent
    if folder.name != FOLDER:
        source[0] = relink(source[0], folder, folder)


def relink(text: str, origin: Path, folder: Path) -> str:
    """Links from a folder of the repository, made to lead to the same from another."""

    def moved(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(origin / match[2]))
        if target in copied():
            target = Path("docs", FOLDER, f"{copied()[target]}.md")
        elif not (ROOT / target).exists():
            return match[0]
        return match[1] + Path(os.path.relpath(target, folder)).as_posix()

    return _LINK.sub(moved, text)

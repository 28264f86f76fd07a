"""Every block of Python in the README and the pages runs, and prints what the page shows.

The blocks of a page run one after another in one process, in an empty folder; warnings are errors.
What stands under `<!-- output -->` is what the block above it prints, to a unit of its last digits.
Further checks of a page, by its names, are `page_checks/<page>.py`. A block under
`<!-- outline -->` does not run, and the page says so, and where it does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from pages import MATPLOTLIBS_OWN, PYTORCHS_OWN, ROOT

from pyjutrack.engines import engine_of
from pyjutrack.errors import MissingPackageError

TESTS = Path(__file__).parent
CHECKS = TESTS / "page_checks"
FILES = ["README.md", "docs/*.md", "examples/*/README.md"]
PAGES = [str(path.relative_to(ROOT)) for name in FILES for path in sorted(ROOT.glob(name))]
#: packages that `test` does not install
EXTRAS = {"docs/xopt.md": "xopt"}
#: pages with blocks for Julia
JULIA = ("docs/julia.md",)
#: smaller numbers than a reader would take
SMALLER = {"docs/many_processes.md": ("1_000_000", "10_000")}


class Block(NamedTuple):
    """A block of a page: its code, what the page shows that it prints, and what is above it."""

    code: str
    shown: str | None
    outline: bool
    before: str


def blocks_of(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found, end = [], 0
    for match in re.finditer(r"^```python\n(.*?)^```$", text, re.M | re.S):
        before, rest = text[end : match.start()], text[match.end() :]
        shown = re.match(r"\s*(?:[^\n`]+\n+)?<!-- output -->\n```\n(.*?)^```$", rest, re.M | re.S)
        outline = before.rstrip().endswith("<!-- outline -->")
        found.append(Block(match[1], shown and shown[1], outline, before))
        end = match.end()
    return found


def name_of(page: str) -> str:
    """Name a page's checks: that of its file, or of an example's folder."""
    path = Path(page)
    return f"example_{path.parent.name}" if path.parent.parent.name else path.stem.lower()


def require(page: str) -> None:
    """Skip where what a page needs is not there."""
    if page in EXTRAS and find_spec(EXTRAS[page]) is None:
        pytest.skip(f"{EXTRAS[page]} is not installed")
    if page in JULIA:
        try:
            engine_of("julia")
        except MissingPackageError as error:
            pytest.skip(f"the julia engine is not available here: {error}")


def run(page: str, folder: Path, *arguments: str) -> str:
    env = {n: value for n, value in os.environ.items() if n not in ("RANK", "WORLD_SIZE")}
    if page.startswith("examples"):  # beside their scripts, and by paths from the clone's root
        env["PYTHONPATH"] = os.pathsep.join([str((ROOT / page).parent), env.get("PYTHONPATH", "")])
        (folder / "examples").symlink_to(ROOT / "examples")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-W", PYTORCHS_OWN, "-W", MATPLOTLIBS_OWN, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=env,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("page", [p for p in PAGES if any(not b.outline for b in blocks_of(p))])
def test_the_blocks_run(page: str, tmp_path: Path) -> None:
    require(page)
    old, new = SMALLER.get(page, ("", ""))
    blocks = [b for b in blocks_of(page) if not b.outline]
    scripts = [b for b in blocks if '__name__ == "__main__"' in b.code]
    together = [b for b in blocks if b not in scripts]
    (tmp_path / "blocks.json").write_text(json.dumps([b.code.replace(old, new) for b in together]))
    folder = tmp_path / "empty"
    folder.mkdir()
    checks = CHECKS / f"{name_of(page)}.py"
    given = [str(checks)] if checks.exists() else []
    said = run(page, folder, str(TESTS / "run_page.py"), str(tmp_path / "blocks.json"), *given)
    for block, printed in zip(together, json.loads(said.splitlines()[-1]), strict=True):
        if block.shown is not None:
            require_same(printed, block.shown)
    for script in scripts:  # by itself, as processes that it starts read it again
        (folder / "script.py").write_text(script.code)
        run(page, folder, "script.py")


NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


def require_same(printed: str, shown: str) -> None:
    """Same text, but for spaces, and numbers that are the same to a unit of their last digits."""
    words = [NUMBER.sub("#", " ".join(text.split())) for text in (printed, shown)]
    assert words[0] == words[1]
    for found, said in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        assert abs(float(found) - float(said)) <= 1.01 * unit(said), (printed, shown)


def unit(number: str) -> float:
    """Of the last digit; of numbers of more than six, of the seventh."""
    mantissa, _, exponent = number.lstrip("-").partition("e")
    last = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return max(last if "." in mantissa else 0.0, 1e-6 * abs(float(number)))


@pytest.mark.parametrize("page", PAGES)
def test_outputs_are_those_of_blocks(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = [block for block in blocks_of(page) if block.shown is not None]
    assert len(shown) == text.count("\n<!-- output -->\n")


@pytest.mark.parametrize("page", PAGES)
def test_outlines_are_called_so(page: str) -> None:
    for block in blocks_of(page):
        if block.outline:
            said = block.before.removesuffix("<!-- outline -->\n").rstrip().split("\n\n")[-2:]
            assert re.search(r"[Ii]n outline", "\n".join(said)), block.code
            assert re.search(r"\]\([\w/.]*(\.md|#)|`tests/", "\n".join(said)), block.code


def test_checks_are_of_pages_that_there_are() -> None:
    assert {path.stem for path in CHECKS.glob("*.py")} <= {name_of(page) for page in PAGES}


@pytest.mark.parametrize(("shown", "same"), [("a 1.5", True), ("a 1.4", False), ("b 1.50", False)])
def test_other_numbers_are_found(shown: str, same: bool) -> None:
    if same:
        require_same("a  1.504\n", shown)
    else:
        with pytest.raises(AssertionError):
            require_same("a 1.504\n", shown)


def test_the_readme_is_short() -> None:
    """What it is, a picture, two commands, ten lines, links; the rest is on pages of its own."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90

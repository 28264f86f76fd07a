"""Write docs/validation.md from a run of all tests that make claims: `python tests/validation.py`.

A claim that does not hold fails its test, and then nothing is written.
"""

from __future__ import annotations

import ast
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from claims import FOLDER

Rows = dict[tuple[str, str, str], dict[str, Any]]

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "validation.md"
#: oracle to the package that it comes in
PACKAGES = {
    "xtrack": "xtrack",
    "xfields": "xfields",
    "xwakes": "xwakes",
    "pyAT": "accelerator-toolbox",
    "MAD-X": "cpymad",
    "ImpactX": "impactx-noacc",
    "Faddeeva function": "scipy",
}
AREAS = (
    "Single elements",
    "Structure",
    "Rings",
    "Space charge",
    "Wakes",
    "Coherent synchrotron radiation",
    "Beam-beam",
    "Synchrotron radiation",
    "Derivatives",
    "Many settings at once",
    "The julia engine",
)
INTRODUCTION = """# Validation

Every number of this page was measured by one run of `python tests/validation.py`, which wrote it:
by tests, each against what stands under *beside*: another code, a closed form or a law, which share
no code with what they judge, or another way of our own that must give the same (forward mode, the
stored adjoint, one setting after another, the native engine). A row is the worst of its cases: the
largest difference that was found, and the bound below which the test holds it. "Of it", "of each"
and "of the largest" are shares of the numbers compared. `pytest` with a test that is
named under a table measures its rows again.
"""


def tests_with_claims() -> list[str]:
    """Of all test files, the functions from which `claim` is reached, as pytest names them."""
    found = []
    for file in sorted(TESTS.rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "from claims import" in text:
            found += [f"{file.relative_to(TESTS.parent)}::{n}" for n in _reaching(ast.parse(text))]
    return found


def _reaching(tree: ast.Module) -> Iterator[str]:
    """Names of tests that call `claim`, or what calls it."""
    calls = {
        f.name: {n.id for n in ast.walk(f) if isinstance(n, ast.Name)}
        for f in tree.body
        if isinstance(f, ast.FunctionDef)
    }
    known, before = {"claim"}, 0
    while len(known) > before:
        before = len(known)
        known |= {name for name, names in calls.items() if names & known}
    return (name for name in calls if name in known and name.startswith("test_"))


def rows_of(folder: Path) -> Rows:
    """One row for each text of an area and an oracle: its worst case, and how many there were."""
    rows: Rows = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            new = json.loads(line)
            key = new["area"], new["text"], new["oracle"]
            old = rows.get(key, {**new, "cases": 0, "found": -1.0})
            worst = max(old, new, key=lambda row: row["found"] / row["bound"])
            rows[key] = {**worst, "cases": old["cases"] + 1}
    return rows


def skipped(report: Path) -> dict[str, int]:
    """Reason to how many cases did not run."""
    reasons: dict[str, int] = {}
    for found in ElementTree.parse(report).getroot().iter("skipped"):
        reason = " ".join((found.get("message") or "").split()).replace("|", "/")
        reasons[reason] = reasons.get(reason, 0) + 1
    return reasons


def page(
    rows: dict[tuple[str, str, str], dict[str, Any]], left: dict[str, int], took: float
) -> str:
    """The text of the page."""
    sources = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=TESTS, capture_output=True, text=True
    ).stdout.strip()
    used = [f"Python {platform.python_version()}", f"pyjutrack {version_of('pyjutrack', sources)}"]
    used += [f"{name} {version(name)}" for name in ("torch", "numba", "numpy", "scipy")]
    packages = {PACKAGES[row["oracle"]] for row in rows.values() if row["oracle"] in PACKAGES}
    used += [f"{name} {version(name)}" for name in sorted(packages - {"scipy"})]
    day = datetime.datetime.now(datetime.UTC).date()
    cases = sum(row["cases"] for row in rows.values())
    text = f"{INTRODUCTION}\n{len(rows)} claims in {cases} cases, {day}: {', '.join(used)} (MAD-X "
    text += "is in cpymad, pyAT in accelerator-toolbox, ImpactX in impactx-noacc). "
    text += f"The run took {took / 60:.0f} minutes on {os.cpu_count()} cores.\n"
    for area in AREAS:
        chosen = [row for row in rows.values() if row["area"] == area]
        text += f"\n## {area}\n\n"
        if not chosen:
            text += "Not measured in this run: see below.\n"
            continue
        tests = sorted({row["test"].partition("[")[0] for row in chosen})
        text += "| claim | beside | found | bound | cases | test |\n|---|---|---|---|---|---|\n"
        for row in sorted(chosen, key=lambda row: (row["test"].partition("::")[0], row["text"])):
            number = tests.index(row["test"].partition("[")[0]) + 1
            numbers = f"{row['found']:.1e} | {row['bound']:g} | {row['cases']} | {number}"
            text += f"| {row['text']} | {row['oracle']} | {numbers} |\n"
        text += "\n" + "".join(f"{n}. `{test}`\n" for n, test in enumerate(tests, 1))
    if left:
        text += "\n## What did not run\n\n| cases | why |\n|---|---|\n"
        text += "".join(f"| {count} | {reason} |\n" for reason, count in sorted(left.items()))
    return text


def version_of(package: str, sources: str) -> str:
    """The version of the package as it is here, and its sources."""
    try:
        return f"{version(package)} at {sources}"
    except PackageNotFoundError:  # a clone that is not installed
        from pyjutrack import __version__

        return f"{__version__} at {sources}"


def main() -> None:
    """Run the tests, and write the page."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *sys.argv[1:]]
        given = os.environ | {FOLDER: folder}
        ran = subprocess.run([*command, *tests_with_claims()], cwd=TESTS.parent, env=given)
        if ran.returncode:
            sys.exit(f"a claim does not hold, or its test failed: {PAGE.name} stays as it was")
        rows = rows_of(Path(folder))
        unknown = {row["area"] for row in rows.values()} - set(AREAS)
        if unknown:
            sys.exit(f"no section of the page is named {', '.join(unknown)}; name it in AREAS")
        PAGE.write_text(page(rows, skipped(report), time.monotonic() - start), encoding="utf-8")
    print(f"{len(rows)} claims in {PAGE}")


if __name__ == "__main__":
    main()

"""Look at what `python -m build` made: `python tests/check_distribution.py dist`.

The wheel must hold each file of the package, Julia's sources, and nothing else; the source archive
each file that git knows of the folders that it promises; metadata no link that leads nowhere.
"""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: what a source archive holds besides: of the build itself
ADDED = {".gitignore", "PKG-INFO", "hatch_build.py", "pyproject.toml", "LICENSE"}


def known(*places: str) -> set[str]:
    """Files that git knows in places of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *places], cwd=ROOT, capture_output=True, check=True
    )
    return set(listed.stdout.decode().strip("\0").split("\0"))


def differences(kind: str, found: set[str], expected: set[str]) -> list[str]:
    """What is missing and what is too much, a line each."""
    missing = [f"{kind} lacks {name}" for name in sorted(expected - found)]
    return missing + [f"{kind} has {name} besides" for name in sorted(found - expected)]


def wheel_faults(file: Path) -> list[str]:
    """Of contents and metadata of a wheel."""
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        (metadata,) = (n for n in names if n.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    contents = {name for name in names if not name.startswith(metadata.partition("/")[0])}
    julia = known("juliapkg.json", "julia/Project.toml", "julia/src")
    expected = known("pyjutrack") | {f"pyjutrack/{name}" for name in julia}
    return differences("the wheel", contents, expected) + metadata_faults(text)


def metadata_faults(text: str) -> list[str]:
    """Fields that an index shows, and links of the description."""
    fields = email.message_from_string(text)
    faults = [
        f"metadata lack {name}"
        for name in ("Author", "Description", "License-Expression", "Requires-Python", "Summary")
        if not fields.get(name) and not (name == "Description" and fields.get_payload())
    ]
    targets = re.findall(r"\]\(([^)]*)\)", str(fields.get_payload()))
    return faults + [
        f"the description has a link that leads nowhere on an index: {target}"
        for target in targets
        if not re.match(r"https?://|#", target)
    ]


def sdist_faults(file: Path) -> list[str]:
    """Of contents of a source archive."""
    with tarfile.open(file) as archive:
        found = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    places = settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    return differences("the source archive", found, known(*(p[1:] for p in places)) | ADDED)


def main(folder: str) -> None:
    """Print all faults, and exit with 1 if there is one."""
    (wheel,), (archive,) = (list(Path(folder).glob(form)) for form in ("*.whl", "*.tar.gz"))
    faults = wheel_faults(wheel) + sdist_faults(archive)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{wheel.name}, {archive.name}: {'faulty' if faults else 'complete'}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main(*sys.argv[1:])

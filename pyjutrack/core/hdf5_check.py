"""Check that an HDF5 file can be read: damaged ones crash or hang the library.

Each is read once by a process that may be lost: this file as a script, which imports none of the
package. Files of this package end in a digest of themselves, which HDF5 does not look at: it shows
of damage, and is no proof of origin, since anyone can write one.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

#: at the end of files of this package, and after it the SHA-256 of what is before it
MARK = b"pyjutrack sha256"
_DIGEST = 32
_SIGNATURE = b"\x89HDF\r\n\x1a\n"

#: seconds for a file of no size, and bytes a second beyond
_SECONDS, _BYTES = 30.0, 20e6
#: what no compression does better: deflate packs 1032 bytes into one
_RATIO, _ROOM = 1100, 2**20


def seal(content: bytes | memoryview) -> bytes:
    """The end of a file: a mark and a digest."""
    return MARK + hashlib.sha256(content).digest()


def is_hdf5(path: Path) -> bool:
    """Return whether a file has HDF5's signature, at its start or after a block of the user's."""
    at, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            if file.read(len(_SIGNATURE)) == _SIGNATURE:
                return True
            at = 2 * at or 512
    return False


def find_damage(path: Path) -> str | None:
    """Find what is wrong with an HDF5 file; None if all of it can be read here without harm."""
    size = path.stat().st_size
    if _is_altered(path, size):
        return (
            "damaged, or changed since it was written: the digest at its end does not match; take "
            f"a fresh copy, or cut off its last {len(MARK) + _DIGEST} bytes to read it as it is"
        )
    command = [sys.executable, "-I", __file__, str(path), json.dumps([p for p in sys.path if p])]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS + size / _BYTES,
        )
    except subprocess.TimeoutExpired:
        return "damaged: reading it takes for ever"
    if done.returncode == 0:
        return None
    said = done.stdout.strip()[:300]
    return f"damaged: {said or 'reading it crashes the HDF5 library'}"


def _is_altered(path: Path, size: int) -> bool:
    """Return whether a file ends in a digest that is not that of what is before it."""
    end = len(MARK) + _DIGEST
    with path.open("rb") as file:
        file.seek(max(size - end, 0))
        mark = file.read()
    return mark.startswith(MARK) and mark != seal(memoryview(path.read_bytes())[:-end])


def _walk(path: str) -> None:
    """Read every attribute and every dataset, all of which must be in this file."""
    import h5py  # type: ignore[import-untyped]

    room = Path(path).stat().st_size * _RATIO + _ROOM

    def visit(name: str, item: Any) -> None:
        nonlocal room
        for key in item.attrs:
            item.attrs[key]
        if isinstance(item, h5py.Group):
            for key in item:
                if isinstance(item.get(key, getlink=True), h5py.ExternalLink):
                    raise ValueError(f"{key!r} in {name!r} is in another file, and is not followed")
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"the values of {name!r} are in other files, and are not read")
            room -= item.nbytes
            if room < 0:
                raise ValueError(f"{name!r} and what is before it claim more than a file can hold")
            item[()]

    with h5py.File(path, "r") as file:
        visit("/", file)
        file.visititems(visit)


if __name__ == "__main__":
    sys.path[:] = json.loads(sys.argv[2])
    try:
        _walk(sys.argv[1])
    except BaseException as error:
        print(f"{type(error).__name__}: {error}")
        sys.exit(1)

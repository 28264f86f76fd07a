"""Files of small machines that come with the package, to try things on."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import InvalidValueError

__all__ = ["example"]


def example(name: str) -> Path:
    """A lattice file that comes with the package.

    "ring.madx": twelve cells of 8 m with bends, sextupoles, correctors, monitors and a cavity, for
    electrons of 1 GeV; its variables kqf, kqd, ksf, ksd and vrf are knobs.

    `file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")` reads it.

    Raises:
        InvalidValueError: there is none of this name.
    """
    folder = Path(__file__).parent
    known = sorted(path.name for path in folder.iterdir() if path.suffix not in (".py", ""))
    if name not in known:
        raise InvalidValueError(f"no example is named {name!r}; there are {', '.join(known)}")
    return folder / name

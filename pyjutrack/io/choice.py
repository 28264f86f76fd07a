"""Which line of a file is the machine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from .errors import clip, wrong


def choose_line(
    path: Path, wanted: str | None, known: Sequence[str], inside: Collection[str]
) -> str:
    """The line that is wanted, or the one that is part of no other.

    Args:
        path: of the file, for messages.
        wanted: by the user, or by the file; None if neither says.
        known: all lines.
        inside: names that stand in lines.

    Raises:
        LatticeFileError: there is none, or several may be meant; the message lists them.
    """
    if wanted is not None:
        if wanted not in known:
            shown = clip(", ".join(known)) or "none"
            raise wrong(path, f"no line named {clip(wanted)!r}; the file defines {shown}")
        return wanted
    if not known:
        raise wrong(path, "the file defines no line and no sequence")
    tops = [name for name in known if name not in inside]
    if len(tops) != 1:
        shown = clip(", ".join(tops or known))
        raise wrong(path, f"the file defines several lines, name one with line=: {shown}")
    return tops[0]

"""Links from pages of sources back to the reference, where Sphinx names the wrong place.

Of a source file whose names stand on pages of several namespaces, it takes one namespace for all.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

_BACK = re.compile(r'(<a class="viewcode-back" href=")([^"#]+)#([^"]+)(")')
_PLACE = re.compile(r'\bid="([^"]+)"')


def mend(folder: Path) -> None:
    """Lead each link to the one place of its page that ends in the same name."""
    for page in sorted(Path(folder, "_modules").rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        mended = _BACK.sub(lambda match, page=page: _mended(match, page), text)
        if mended != text:
            page.write_text(mended, encoding="utf-8")


def _mended(match: re.Match[str], page: Path) -> str:
    """A link, with another place where its own is not there and only one can be meant."""
    before, path, place, after = match.groups()
    places = _places((page.parent / path).resolve())
    _, *ends = place.split(".")
    while place not in places and ends:  # of fewer and fewer namespaces
        alike = [other for other in places if other.endswith(f".{'.'.join(ends)}")]
        place, ends = alike[0] if len(alike) == 1 else place, ends[1:]
    return f"{before}{path}#{place}{after}"


@cache
def _places(page: Path) -> frozenset[str]:
    """All places of a page."""
    return frozenset(_PLACE.findall(page.read_text(encoding="utf-8")))


def mend_links(app: Any, error: Exception | None) -> None:
    """Do so when HTML pages are there: a listener of Sphinx."""
    if not error and app.builder.name == "html":
        mend(Path(app.outdir))

"""The page on machines' files and their variables runs as it stands."""

import re
from pathlib import Path

from pages import ROOT, blocks, run


def test_the_examples_print_what_the_page_shows(tmp_path: Path) -> None:
    """Those further down go on where those above them end."""
    page = (ROOT / "docs/machines.md").read_text()
    shown = re.findall(r"<!-- output -->\n```\n(.*?)```", page, re.S)
    assert len(shown) == 2
    assert run("\n".join(blocks("docs/machines.md", "example")), tmp_path) == "".join(shown)

"""The page on machines' files and their variables runs as it stands."""

import re
from pathlib import Path

from pages import ROOT, blocks, run


def test_the_example_prints_what_the_page_shows(tmp_path: Path) -> None:
    (example,) = blocks("docs/machines.md", "example")
    shown = re.search(
        r"<!-- output -->\n```\n(.*?)```", (ROOT / "docs/machines.md").read_text(), re.S
    )
    assert shown is not None
    assert run(example, tmp_path) == shown[1]

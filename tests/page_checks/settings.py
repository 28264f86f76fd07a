"""Shapes are those beside the lines that print them."""

import re
from pathlib import Path

text = (Path(pj.__file__).parents[1] / "docs" / "settings.md").read_text()
beside = re.findall(r"^print\(.*# (\(.*\))$", text, re.M)
assert len(beside) >= 5
assert printed.split("\n")[: len(beside)] == beside

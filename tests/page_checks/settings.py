"""Shapes are those beside the lines that print them."""

import re

text = (root / "docs" / "settings.md").read_text()
beside = re.findall(r"^print\(.*# (\(.*\))$", text, re.M)
assert len(beside) >= 5
assert printed.split("\n")[: len(beside)] == beside

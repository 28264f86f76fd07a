"""What is printed is what the page shows, and walls that were learned beat those believed."""

import re

text = (root / "docs" / "corrections.md").read_text()
shown = re.search(r"<!-- corrections output -->\n```\n(.*?)```", text, re.S)[1].splitlines()
*lines, count = printed.splitlines()
number = r"-?\d+\.?\d*(?:e[-+]?\d+)?"
assert [re.sub(number, "#", line) for line in lines] == [re.sub(number, "#", s) for s in shown]
# where an optimiser stops is a matter of rounding
found, said = (re.findall(number, "\n".join(some)) for some in (lines, shown))
for a, b in zip(found, said, strict=True):
    assert abs(float(a) - float(b)) <= 0.02
off = [float(line.split()[1]) for line in lines[:2]]
assert off[1] < off[0] / 10
assert f"\nprints {count}.\n" in text

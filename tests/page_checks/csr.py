"""The bunch loses some, and the slopes are shown."""

import re

lines = printed.splitlines()
assert 1e-6 < float(re.match(r"mean loss (\S+) of the momentum", lines[0])[1]) < 1e-3
assert lines[1].startswith("slopes of the energy spread")

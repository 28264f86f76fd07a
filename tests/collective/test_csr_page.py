"""The example of docs/csr.md runs as written."""

import re

from pages import blocks, run


def test_the_example_runs() -> None:
    (example,) = blocks("docs/csr.md", "csr example")
    said = run(example).splitlines()
    found = re.match(r"mean loss (\S+) of the momentum", said[0])
    assert found
    assert 1e-6 < float(found[1]) < 1e-3
    assert said[1].startswith("slopes of the energy spread")

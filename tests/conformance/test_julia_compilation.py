"""What Julia compiles at run time: told where it takes time, and nothing of displaced elements."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pyjutrack as pj
from pyjutrack.engines.julia.session import Session

_FIRST = """
import numpy as np
import pyjutrack as pj

rows = 1e-3 * np.random.default_rng(0).normal(size=(200, 6))
beam = pj.Beam.from_array(pj.Reference.from_kinetic("proton", 1e9), rows)
line = pj.Lattice([
    pj.Drift(0.3, name="d"),
    pj.Aperture(half_width=0.01, half_height=0.01, dx=1e-3, name="a"),
    pj.Quadrupole(0.2, k1=1.0, dx=1e-3, tilt=0.2, name="q"),
])
from pyjutrack.engines.julia import Julia
package = Julia.start().session.package
before = package.seconds_compiled()
for mode in ("forward", "reverse"):
    growth, knobs = pj.observables.emittance_growth(), ["q.k1", "q.dx", "d.length"]
    print(pj.gradient(growth, line, beam, wrt=knobs, mode=mode, engine="julia"))
print("seconds", package.seconds_compiled() - before)
"""


def test_displaced_elements_compile_nothing_of_enzyme(julia):
    """A displaced aperture alone took 27 s of both modes."""
    done = subprocess.run([sys.executable, "-c", _FIRST], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.rpartition("seconds")[2]) < 8


class Package:
    """One of Julia's, whose clock of compilation goes so far at each call."""

    def __init__(self, *steps):
        self.clock = iter(sum(steps[:n], 0.0) for n in range(len(steps) + 1))

    def seconds_compiled(self):
        return next(self.clock)

    def track(self):
        return 7


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, ""),
        (0.9, ""),
        (12.3, "pyjutrack: Julia compiled the tracking for 12 s, once for such"),
    ],
)
def test_only_what_takes_time_is_told(capsys, seconds, told):
    session = Session(None, Package(seconds), RuntimeError)
    assert session.call("track", compiles="the tracking") == 7
    found = capsys.readouterr().err
    assert found.startswith(told)
    assert bool(found) == bool(told)


def test_the_clock_goes_on(julia):
    """Julia counts how often it is told to, in eight bits: of 256 askings one found nothing."""
    clock, compile_one = julia.session.package.seconds_compiled, julia.session.main.seval
    before = clock()
    for n in range(256):
        compile_one(f"(x -> x^2 + {n} * sin(x))(1.0)")
        after = clock()
        assert after > before, n
        before = after


def test_what_is_compiled_is_silent(julia, capsys, make_beam):
    for length in (0.1, 0.2):
        pj.track(pj.Lattice([pj.Drift(length), pj.Marker()]), make_beam(10), engine=julia)
    assert not capsys.readouterr().err

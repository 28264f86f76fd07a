"""What Julia compiles at run time: told where it takes time, and nothing of displaced elements."""

from __future__ import annotations

import itertools
import subprocess
import sys
import types

import pytest

import pyjutrack as pj
from pyjutrack.engines.julia import session

_FIRST = """
import contextlib
import time
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


class Told(list):
    def write(self, text):
        self.append((text, package.seconds_compiled()))

    def flush(self):
        pass


def gradient_of(line, knobs, mode):
    # what is told of Enzyme, at which share of the compilation, and seconds of a processor
    told, before, began_at = Told(), package.seconds_compiled(), time.process_time()
    with contextlib.redirect_stderr(told):
        growth = pj.observables.emittance_growth()
        pj.gradient(growth, line, beam, wrt=knobs, mode=mode, engine="julia")
    took, total = time.process_time() - began_at, package.seconds_compiled() - before
    began = f"pyjutrack: Julia compiles {mode} derivatives with Enzyme, some seconds for each new "
    return (
        [(text.removeprefix(began), (at - before) / total) for text, at in told if began in text],
        min(took, total),
    )


took = []
for mode in ("forward", "reverse"):
    told, seconds = gradient_of(line, ["q.k1", "q.dx", "d.length"], mode)
    assert not told, told
    took.append(seconds)
print("seconds", sum(took))
line = pj.Lattice([pj.Solenoid(0.3, ks=0.1, name="s")])
for mode in ("forward", "reverse"):
    ((text, share),), _ = gradient_of(line, ["s.ks"], mode)
    assert text == "kind: SOLENOID" and share < 0.5, (text, share)
    told, seconds = gradient_of(line, ["s.ks"], mode)
    assert not told and seconds < 1, (told, seconds)
"""


def test_displaced_elements_compile_nothing_of_enzyme(julia):
    """A displaced aperture alone took 27 s of both modes. What Enzyme compiles is told before."""
    done = subprocess.run([sys.executable, "-c", _FIRST], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.rpartition("seconds")[2]) < 8


class Package:
    """One of Julia's, whose clock of compilation goes so far at each call."""

    def __init__(self, *steps):
        self.clock = itertools.accumulate(t for step in steps for t in (0.0, step))

    def seconds_compiled(self):
        return next(self.clock)

    def tell_b(self, tell):
        self.tell = tell

    def track(self, *kinds):
        for kind in kinds:
            self.tell(kind)
        return 7


def session_of(monkeypatch, compiled, elapsed):
    """A session in which calls compile for so long, and take so long [s]."""
    clock = itertools.accumulate(t for step in elapsed for t in (0.0, step))
    monkeypatch.setattr(session, "time", types.SimpleNamespace(perf_counter=lambda: next(clock)))
    return session.Session(None, Package(*compiled), RuntimeError)


@pytest.mark.parametrize(
    ("seconds", "elapsed", "told"),
    [
        (0.0, 0.1, ""),
        (0.9, 1.0, ""),
        (12.3, 13.0, "pyjutrack: Julia compiled the tracking for 12 s, once for such"),
        # of three threads, two of which wait
        (36.9, 12.4, "pyjutrack: Julia compiled the tracking for 12 s, once for such"),
    ],
)
def test_only_what_takes_time_is_told(monkeypatch, capsys, seconds, elapsed, told):
    found = session_of(monkeypatch, [seconds], [elapsed])
    assert found.call("track", compiles="the tracking") == 7
    text = capsys.readouterr().err
    assert text.startswith(told)
    assert bool(text) == bool(told)


def test_what_takes_seconds_is_told_before(monkeypatch, capsys):
    """Once a kind, in one line, which ends with the time that it took."""
    found = session_of(monkeypatch, [12.3, 0.1], [20.0, 0.2])
    found.call("track", "KSEXT", "SBEND", "KSEXT", compiles="forward derivatives with Enzyme")
    began = "pyjutrack: Julia compiles forward derivatives with Enzyme, some seconds for each new "
    assert capsys.readouterr().err == began + "kind: KSEXT, SBEND ... 12 s\n"
    found.call("track")
    assert not capsys.readouterr().err


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

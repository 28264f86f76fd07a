"""Ctrl-C while a compiled loop runs: it ends soon, however long the lattice and many the turns."""

from __future__ import annotations

import subprocess
import sys

#: one process for all: it takes a moment to begin
PROGRAM = """
import os, signal, threading, time
import torch, pyjutrack as pj

signal.signal(signal.SIGINT, signal.default_int_handler)
proton = pj.Reference.from_kinetic("proton", 1e9)
cell = [pj.Drift(0.3), pj.Quadrupole(0.1, 2.0), pj.Drift(0.3), pj.Quadrupole(0.1, -2.0)]
short, long = pj.Lattice(cell), pj.Lattice(cell * 2500)

def beam(count):
    return pj.Beam(proton, torch.full((count, 6), 1e-4, dtype=torch.float64))

calls = {
    "elements": lambda: pj.track(long, beam(200_000)),
    "turns": lambda: pj.track(short, beam(1), turns=10**9),
    "losses": lambda: pj.loss_map(long, beam(200_000)),
    "jacobian": lambda: pj.jacobian(short, proton, turns=10**9),
}
pj.track(short, beam(10))
pj.jacobian(short, proton)

def stop():
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)

for name, call in calls.items():
    threading.Timer(0.5, stop).start()
    try:
        call()
    except KeyboardInterrupt:
        print(name, time.monotonic() - sent)
"""


def test_ctrl_c_ends_a_long_call() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found = dict(line.split() for line in done.stdout.splitlines())
    assert list(found) == ["elements", "turns", "losses", "jacobian"]
    assert all(float(seconds) < 2 for seconds in found.values()), found

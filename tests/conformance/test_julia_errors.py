"""Refusals of the julia engine, by name, and the errors that Julia itself raises."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

import pyjutrack as pj


def test_a_kind_that_jutrack_lacks(proton, make_beam, julia):
    @dataclasses.dataclass(frozen=True, repr=False)
    class Wiggler(pj.Element):
        pass

    with pytest.raises(pj.errors.InvalidValueError, match=r"Wiggler 'w1'.*no element that moves"):
        pj.track(pj.Lattice([Wiggler(name="w1")]), make_beam(10), engine=julia)


def test_strengths_about_zero(make_beam, julia):
    """JuTrack's own formula divides by the strength."""
    lattice = pj.Lattice([pj.Quadrupole(0.1, name="q"), pj.Drift(0.3)])
    growth = pj.observables.emittance_growth()
    beam = make_beam(100)
    ours = pj.gradient(growth, lattice, beam, wrt=["q.k1", "q.length"])
    theirs = pj.gradient(growth, lattice, beam, wrt=["q.k1", "q.length"], engine=julia)
    np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-15)


def test_batches_derivatives_and_kicks_of_others(cell, make_beam, kick, julia):
    beam = make_beam(10)
    batch = beam.replace(coordinates=beam.coordinates.expand(2, 10, 6), alive=None)
    moving = beam.replace(coordinates=beam.coordinates.clone().requires_grad_())
    knobbed = cell.with_values({"q1.k1": torch.tensor(3.0, requires_grad=True)})
    for lattice, refused, match in (
        (cell, batch, "not a batch"),
        (cell, moving, "derivatives end"),
        (knobbed, beam, "derivatives end"),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=match):
            pj.track(lattice, refused, engine=julia)

    class Mine:
        mesh = kick.potential.mesh

        def solve(self, fractions):
            return fractions

    with pytest.raises(pj.errors.InvalidValueError, match="no potential Mine"):
        pj.track(cell, beam, effects=[pj.SpaceCharge(Mine())], engine=julia)

    class Lens(pj.collective.CollectiveEffect):
        def slices(self, element):
            return 1

    with pytest.raises(pj.errors.InvalidValueError, match=r"the julia engine.*Lens"):
        pj.track(cell, beam, effects=[Lens()], engine=julia)


def test_weights_are_those_of_now(cell, make_beam, julia):
    """Changed in place they count; asked for derivatives they are refused."""
    network = pj.Surrogate.load("linear")
    options = {"effects": [pj.SpaceCharge(network)], "engine": julia}
    before = pj.track(cell, make_beam(2000), **options)
    for weight in network.network.weights.values():
        weight.mul_(0.9)
    after = pj.track(cell, make_beam(2000), **options)
    ours = pj.track(cell, make_beam(2000), effects=options["effects"])
    assert float((after.coordinates - before.coordinates).abs().max()) > 1e-5
    assert float((after.coordinates - ours.coordinates).abs().max()) < 1e-9
    next(iter(network.network.weights.values())).requires_grad_()
    with pytest.raises(pj.errors.InvalidValueError, match="derivatives end"):
        pj.track(cell, make_beam(2000), **options)


def test_a_test_particle_that_is_lost(cell, make_beam, kick, julia):
    options = {"effects": [kick], "at": [9.9e-3, 0.1, 0, 0, 0, 0], "engine": julia}
    for method in ("ad", "fd"):
        with pytest.raises(pj.errors.ParticleLostError):
            pj.jacobian(cell, make_beam(100), method=method, **options)


def test_a_test_particle_that_an_opening_stops(proton, julia):
    """Its Jacobian, and the slopes of that, which other code makes."""
    lattice = pj.Lattice(
        [
            pj.Drift(0.3),
            pj.Aperture(half_width=1e-3, half_height=1e-3),
            pj.Quadrupole(0.1, 3.0, name="q"),
        ]
    )
    options = {"at": [2e-3, 0, 0, 0, 0, 0], "engine": julia}
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian(lattice, proton, **options)
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian_derivatives(lattice, proton, ["q.k1"], **options)


def test_errors_of_julia_keep_their_message(julia):
    with pytest.raises(pj.errors.EngineError, match="BoundsError"):
        julia.session.call("mirrored", np.zeros((3, 2)))


@pytest.mark.parametrize("manifest", [None, "{", '{"format": "other"}'])
def test_weights_of_another_format(manifest, tmp_path, julia):
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(pj.PyJuTrackError, match=r"manifest\.json|JSON"):
        julia.session.call("read_network", str(tmp_path))
    assert julia.session.main.seval("1 + 1") == 2


PROGRAM = """
import {first}
import {second}
import warnings
warnings.simplefilter("error", UserWarning)
import pyjutrack as pj
cell = pj.Lattice([pj.Drift(1.0), pj.Quadrupole(0.1, k1=3.0)])
proton = pj.Reference.from_kinetic("proton", 1e9)
ours, theirs = (pj.jacobian(cell, proton, engine=e) for e in ("native", "julia"))
assert abs(ours - theirs).max() < 1e-11
print("done")
"""


@pytest.mark.parametrize(("first", "second"), [("torch", "juliacall"), ("juliacall", "torch")])
def test_torch_and_juliacall_in_either_order(first, second, julia):
    program = PROGRAM.format(first=first, second=second)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "done"


def test_another_thread_is_refused(cell, make_beam, julia):
    """Julia would hang in it; and still works afterwards."""
    caught = []

    def track():
        try:
            pj.track(cell, make_beam(10), engine=julia)
        except pj.errors.EngineError as error:
            caught.append(str(error))

    thread = threading.Thread(target=track)
    thread.start()
    thread.join()
    assert "main thread alone" in caught[0]
    assert pj.track(cell, make_beam(10), engine=julia).lost == 0


INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # which background jobs do not inherit
import pyjutrack as pj
cell = pj.Lattice([pj.Drift(1.0), pj.Quadrupole(0.1, k1=3.0)])
beam = pj.Beam.from_array(pj.Reference.from_kinetic("proton", 1e9), [[0.0] * 6] * 1000)
pj.track(cell, beam, engine="julia")
print("ready", flush=True)
try:
    pj.track(cell, beam, turns=10**9, engine="julia")
except KeyboardInterrupt:
    print(pj.track(cell, beam, engine="julia").lost)
"""


def test_ctrl_c(julia):
    """Python gets the interrupt, and Julia goes on working."""
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(1)
            os.kill(process.pid, signal.SIGINT)
            out, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, out) == (0, "0\n"), errors


def test_what_another_signal_raises(julia):
    """It comes as it is, and is no Ctrl-C."""

    def ring(*_):
        raise TimeoutError("of an alarm")

    beam = pj.Beam.from_array(pj.Reference.from_kinetic("proton", 1e9), [[0.0] * 6] * 1000)
    lattice = pj.Lattice([pj.Drift(1.0)])
    former = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 2.0)
        with pytest.raises(TimeoutError, match="of an alarm"):
            pj.track(lattice, beam, turns=10**9, engine=julia)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, former)
    assert pj.track(lattice, beam, engine=julia).lost == 0

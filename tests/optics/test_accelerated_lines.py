"""Optics of lines that accelerate: against moments of beams, a matrix on paper, differences."""

from __future__ import annotations

import dataclasses
import itertools
import math
import warnings

import numpy as np
import pytest
import torch

import pyjutrack as pj

ELECTRON = pj.Reference.from_kinetic("electron", 20e6)
CREST = math.pi / 2
START = pj.optics.Twiss(4.0, -0.7, 3.0, 0.4)


def cavity(volts=15e6, phase=CREST, focusing="standing-wave", name="c"):
    return pj.RFCavity(
        1.0, volts, frequency=1.3e9, phase=phase, accelerate=True, focusing=focusing, name=name
    )


def linac(phase=CREST, focusing="standing-wave", strength=2.0, tilt=0.0, **changes):
    """From 20 to some 80 MeV, with quadrupoles between."""
    cell = [pj.Quadrupole(0.1, strength, name="qf", tilt=tilt), pj.Drift(0.5)]
    cell += [cavity(phase=phase, focusing=focusing, **changes)]
    cell += [pj.Drift(0.3), pj.Quadrupole(0.1, -2.0, name="qd")]
    cell += [cavity(phase=phase, focusing=focusing, **changes), pj.Drift(0.2)]
    return pj.Lattice(cell * 2)


def matched(initial, reference, size=1e-7):
    """Eight particles whose moments are those of the functions, exactly, of size^2 [m]."""
    rows = np.zeros((8, 6))
    for plane, (beta, alpha) in enumerate(
        ((initial.beta_x, initial.alpha_x), (initial.beta_y, initial.alpha_y))
    ):
        modes = np.array([[math.sqrt(beta), 0.0], [-alpha / math.sqrt(beta), 1 / math.sqrt(beta)]])
        for way in range(2):
            at = 4 * plane + 2 * way
            rows[at, 2 * plane : 2 * plane + 2] = 2 * size * modes[:, way]
            rows[at + 1] = -rows[at]
    return pj.Beam(reference, rows)


def functions(beam, plane):
    """Beta, alpha and emittance of a beam's second moments."""
    rows = beam.coordinates.numpy()[:, 2 * plane : 2 * plane + 2]
    (uu, up), (_, pp) = rows.T @ rows / len(rows)
    emittance = math.sqrt(uu * pp - up * up)
    return uu / emittance, -up / emittance, emittance


@pytest.mark.parametrize("focusing", ["none", "gap", "standing-wave", "travelling-wave"])
@pytest.mark.parametrize("phase", [CREST, 1.1])
def test_functions_are_those_of_a_beam_of_particles(focusing, phase):
    line = linac(phase, focusing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = pj.optics.twiss_table(line, ELECTRON, initial=START)
    beam, emittances = matched(START, ELECTRON), []
    for n, element in enumerate([*line, None]):
        for plane, u in enumerate("xy"):
            beta, alpha, emittance = functions(beam, plane)
            assert table[f"beta_{u}"][n] == pytest.approx(beta, rel=1e-7)
            assert table[f"alpha_{u}"][n] == pytest.approx(alpha, rel=1e-7, abs=1e-7)
            emittances.append(emittance * float(beam.reference.beta_gamma))
        if element is not None:
            beam = pj.track(pj.Lattice([element]), beam)
    assert float(beam.reference.p0c / ELECTRON.p0c) > 3.5
    assert emittances == pytest.approx([emittances[0]] * len(emittances), rel=1e-7)


def test_functions_of_a_structure_on_paper():
    """Rosenzweig and Serafini, Phys. Rev. E 49 (1994) 1599, on crest; beta by the whole matrix.

    As elegant has it: (m11^2 beta - 2 m11 m12 alpha + m12^2 gamma) / det.
    """
    energy, gain, length = 5e9, 4e9, 2.0
    after, root = energy + gain, math.sqrt(8)
    angle = math.log(after / energy) / root
    c, s = math.cos(angle), math.sin(angle)
    m11, m12 = c - math.sqrt(2) * s, root * energy * length / gain * s
    m22 = energy / after * (c + math.sqrt(2) * s)
    determinant = energy / after
    m21 = (m11 * m22 - determinant) / m12
    beta, alpha = 3.0, 0.5
    gamma = (1 + alpha * alpha) / beta
    expected = (
        (m11 * m11 * beta - 2 * m11 * m12 * alpha + m12 * m12 * gamma) / determinant,
        (-m11 * m21 * beta + (m11 * m22 + m12 * m21) * alpha - m12 * m22 * gamma) / determinant,
    )
    made = pj.RFCavity(
        length, gain, frequency=1e9, phase=CREST, accelerate=True, focusing="standing-wave"
    )
    reference = pj.Reference.from_total("electron", energy)
    start = pj.optics.Twiss(beta, alpha, beta, alpha)
    end = pj.optics.twiss_table(pj.Lattice([made]), reference, initial=start)[-1]
    assert (end.beta_x, end.alpha_x) == pytest.approx(expected, rel=1e-6)
    phase = math.atan2(m12, m11 * beta - m12 * alpha) / (2 * math.pi)
    assert end.tune_x % 1 == pytest.approx(phase % 1, rel=1e-6)


@pytest.mark.parametrize("phase", [CREST, 1.1])
def test_functions_are_those_of_xtrack(phase):
    """Cavities as thin kicks, each with the step of the reference beside it."""
    xt = pytest.importorskip("xtrack")
    volts, reference = 15e6, ELECTRON
    ours, theirs = [], []
    for strength in (2.0, -2.0, 2.0, -2.0):
        kick = pj.RFCavity(0.0, volts, frequency=1.3e9, phase=phase, accelerate=True)
        ours += [pj.Quadrupole(0.1, strength), pj.Drift(0.5), kick, pj.Drift(0.5)]
        after = kick.exit_reference(reference)
        theirs += [
            xt.Quadrupole(length=0.1, k1=strength),
            xt.Drift(length=0.5),
            xt.Cavity(voltage=volts, frequency=1.3e9, phase=phase),
            xt.ReferenceEnergyIncrease(Delta_p0c=after.p0c - reference.p0c),
            xt.Drift(length=0.5),
        ]
        reference = after
    line = xt.Line(elements=theirs)
    line.particle_ref = xt.Particles(mass0=ELECTRON.species.mass, q0=-1, p0c=ELECTRON.p0c)
    line.build_tracker()
    start = {"betx": START.beta_x, "alfx": START.alpha_x, "bety": START.beta_y}
    expected = line.twiss(
        **start, alfy=START.alpha_y, start=line.element_names[0], end="_end_point"
    )
    found = pj.optics.twiss_table(pj.Lattice(ours), ELECTRON, initial=START)
    for name, u in itertools.product(("beta", "alpha", "phase"), "xy"):
        theirs = {"beta": "bet", "alpha": "alf", "phase": "mu"}[name] + u
        assert found[f"{name}_{u}"][-1] == pytest.approx(expected[theirs][-1], rel=1e-9)


@pytest.mark.parametrize("tilt", [0.0, 0.05])
def test_dispersion_is_by_the_deviation_there(tilt):
    """Of two particles beside the reference, on crest."""
    bend = pj.SBend(0.3, 0.1, e1=0.05, tilt=tilt)
    line = pj.Lattice([bend, *linac(), bend, *linac()])
    start = dataclasses.replace(START, dispersion_x=0.3, dispersion_px=-0.1)
    table = pj.optics.twiss_table(line, ELECTRON, initial=start)
    rows = np.outer([1e-6, -1e-6], [0.3, -0.1, 0, 0, 0, 1])
    (after, before) = pj.track(line, pj.Beam(ELECTRON, rows)).coordinates.numpy()
    shift = after - before
    found = [table[f"dispersion_{u}"][-1] for u in ("x", "px", "y", "py")]
    assert found == pytest.approx(list(shift[:4] / shift[5]), rel=1e-5, abs=1e-7)


def test_slopes_are_those_of_the_call():
    """By a voltage, a phase and a gradient; chromaticities, against tables of other delta."""
    names = ["c.voltage", "c.phase", "qf.k1"]
    values = dict(zip(names, (15e6, 1.2, 2.0), strict=True))

    def table(values, delta=0.0, **options):
        volts, phase, strength = values.values()
        line = linac(phase, strength=strength, volts=volts)
        return line, pj.optics.twiss_table(line, ELECTRON, initial=START, delta=delta, **options)

    line, here = table(values, chromatic=True)
    _, slopes = pj.optics.optics_gradient(
        lambda t: torch.stack([t.beta_x[-1], t.alpha_y[-1], t.tune_x]),
        line, ELECTRON, names, initial=START,
    )  # fmt: skip

    def figures(name, step):
        _, t = table({**values, name: values[name] * (1 + step)})
        return np.array([t.beta_x[-1], t.alpha_y[-1], t.tune_x])

    for column, name in enumerate(names):
        step = 1e-4
        differences = (figures(name, step) - figures(name, -step)) / (2 * step * values[name])
        np.testing.assert_allclose(slopes[:, column], differences, rtol=1e-5)
    step = 1e-5
    for u in "xy":
        tunes = [table(values, sign * step)[1][f"tune_{u}"] for sign in (1, -1)]
        assert here[f"chromaticity_{u}"] == pytest.approx(
            (tunes[0] - tunes[1]) / (2 * step), rel=1e-5
        )


def test_a_slip_factor_of_many_velocities_is_none():
    table = pj.optics.twiss_table(linac(), ELECTRON, initial=START)
    assert math.isnan(table.slip_factor)
    assert math.isnan(table.momentum_compaction)


def test_rings_still_say_that_they_take_cavities_for_drifts():
    cell = [pj.Quadrupole(0.2, 1.5), pj.Drift(1.0), pj.Quadrupole(0.2, -1.5), pj.Drift(1.0)]
    ring = pj.Lattice([*cell, cavity()])
    with pytest.warns(pj.errors.AccuracyWarning, match="give `initial`"):
        pj.twiss(ring, ELECTRON)

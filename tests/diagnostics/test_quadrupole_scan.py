"""The quadrupole scan against beams that are known, and its errors against repeats."""

import sys

import numpy as np
import pytest
from scipy.stats import chi2, norm, t

import pyjutrack as pj
from pyjutrack import diagnostics as dg

ELECTRON = pj.Reference.from_kinetic("electron", 100e6)
LATTICE = pj.Lattice(
    [
        pj.Drift(1.0),
        pj.Quadrupole(0.1, k1=0.0, name="q1"),
        pj.Drift(0.7),
        pj.Quadrupole(0.1, k1=3.0, name="q2"),
        pj.Drift(1.3),
        pj.Marker(name="s"),
    ]
)
TRUE = {"x": (1e-8, 4.0, 1.2), "y": (2e-8, 3.0, -0.5)}
STRENGTHS = {"x": np.linspace(-4, 14, 10), "y": np.linspace(-14, 4, 10)}


def thick(k, length):
    """Transfer matrix of a quadrupole, by hand."""
    root = np.sqrt(abs(k)) * length
    if k == 0:
        return np.array([[1, length], [0, 1.0]])
    s = np.sqrt(abs(k))
    if k > 0:
        return np.array([[np.cos(root), np.sin(root) / s], [-s * np.sin(root), np.cos(root)]])
    return np.array([[np.cosh(root), np.sinh(root) / s], [s * np.sinh(root), np.cosh(root)]])


def sizes(plane, resolution=0.0):
    """What a scan sees, from matrices written down here."""
    emittance, beta, alpha = TRUE[plane]
    sign = 1 if plane == "x" else -1
    start = emittance * np.array([[beta, -alpha], [-alpha, (1 + alpha**2) / beta]])
    found = []
    for k in STRENGTHS[plane]:
        m = thick(0, 1.3) @ thick(sign * 3.0, 0.1) @ thick(0, 0.7) @ thick(sign * k, 0.1)
        found.append(np.sqrt((m @ start @ m.T)[0, 0] + resolution**2))
    return np.array(found)


def scan(plane, measured, **options):
    return pj.optics.quadrupole_scan(
        LATTICE, ELECTRON, "q1.k1", STRENGTHS[plane], measured, screen="s", plane=plane, **options
    )


@pytest.mark.parametrize("plane", ["x", "y"])
@pytest.mark.parametrize("resolution", [0.0, 1e-4])
def test_exact_sizes_give_the_beam(plane, resolution):
    found = scan(plane, sizes(plane, resolution), resolution=resolution)
    np.testing.assert_allclose((found.emittance, found.beta, found.alpha), TRUE[plane], rtol=1e-7)
    np.testing.assert_allclose(found.sizes, sizes(plane, resolution), rtol=1e-9)
    assert max(found.errors) < 1e-6


def test_a_tracked_beam_by_its_diagnostics():
    functions = pj.optics.Twiss(4.0, 1.2, 3.0, -0.5)
    beam = pj.distributions.gaussian(
        ELECTRON, 5000, twiss=functions, emittance=(1e-8, 2e-8), seed=3
    )
    line = pj.Lattice(LATTICE.elements[1:])
    seen = [
        dg.BeamSize("s").read(pj.track(line.with_values({"q1.k1": k}), beam))[0]
        for k in STRENGTHS["x"]
    ]
    found = scan("x", np.array(seen))
    covariance = pj.moments.covariance(beam)[:2, :2].numpy()
    emittance = np.sqrt(np.linalg.det(covariance))
    np.testing.assert_allclose(
        (found.emittance, found.beta, found.alpha),
        (emittance, covariance[0, 0] / emittance, -covariance[0, 1] / emittance),
        rtol=5e-4,  # sizes of a tracked beam are not quite linear
    )


def test_slopes_of_the_covariance_are_those_of_the_functions():
    found = scan("x", sizes("x"), errors=2e-6)
    uu, up, pp = found.moments

    def functions(m):
        e = np.sqrt(m[0] * m[2] - m[1] ** 2)
        return np.array([e, m[0] / e, -m[1] / e])

    rows = []
    for i, size in enumerate((uu, abs(up), pp)):
        shift = np.zeros(3)
        shift[i] = 1e-6 * size
        rows.append(
            (functions(found.moments + shift) - functions(found.moments - shift)) / (2e-6 * size)
        )
    slopes = np.array(rows).T
    # moments of the scan by plain normal equations, an independent way to their covariance
    a = []
    for k in STRENGTHS["x"]:
        m = thick(0, 1.3) @ thick(3.0, 0.1) @ thick(0, 0.7) @ thick(k, 0.1)
        a.append([m[0, 0] ** 2, 2 * m[0, 0] * m[0, 1], m[0, 1] ** 2])
    a = np.array(a) / (2 * found.sizes * 2e-6)[:, None]
    expected = slopes @ np.linalg.inv(a.T @ a) @ slopes.T
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-4)


def cache(function, keep):
    """Calls once, and gives the same again."""

    def called(*args):
        if not keep:
            keep.append(function(*args))
        return keep[0]

    return called


@pytest.mark.parametrize("known", [True, False], ids=["errors known", "errors by scatter"])
def test_stated_errors_cover(known, monkeypatch):
    """Over many noisy scans the truth lies within the intervals as often as they say."""
    plane, noise, repeats = "y", 4e-6, 1000
    module = sys.modules[pj.optics.quadrupole_scan.__module__]
    monkeypatch.setattr(module, "_rows", cache(module._rows, keep=[]))  # the line never changes
    rng = np.random.default_rng(5)
    exact = sizes(plane)
    options = {"errors": noise} if known else {}
    pulls, chi_squares = [], []
    for _ in range(repeats):
        found = scan(plane, exact + noise * rng.normal(size=len(exact)), **options)
        values = np.array([found.emittance, found.beta, found.alpha])
        pulls.append((values - TRUE[plane]) / found.errors)
        chi_squares.append(found.chi_square)
    pulls = np.array(pulls)
    inside = (np.abs(pulls) < norm.ppf(0.975)).mean(0)
    # by scatter the pulls follow Student's t with 7 degrees of freedom
    expected = 0.95 if known else 1 - 2 * t.sf(norm.ppf(0.975), 7)
    deviation = np.sqrt(expected * (1 - expected) / repeats)
    assert (np.abs(inside - expected) < 4 * deviation).all(), inside
    assert (np.abs(pulls.mean(0)) < 0.15).all()
    if known:
        assert np.mean(chi_squares) == pytest.approx(7, abs=4 * chi2.std(7) / np.sqrt(repeats))
    else:
        assert np.isnan(chi_squares).all()


def test_the_same_beam_whatever_lies_upstream():
    found = scan("x", sizes("x"))
    other = pj.optics.quadrupole_scan(
        pj.Lattice(LATTICE.elements[1:]),
        ELECTRON,
        "q1.k1",
        STRENGTHS["x"],
        sizes("x"),
        screen="s",
    )
    assert other.emittance == pytest.approx(found.emittance, rel=1e-12)


BAD = {
    "shapes": ([1, 2, 3, 4], [1e-3] * 3, {}, "one shape"),
    "too few": ([1, 2, 3], [1e-3] * 3, {}, "at least 4 strengths, or three with errors="),
    "too few with errors": ([1, 2], [1e-3] * 2, {"errors": 1e-6}, "at least 3 strengths;"),
    "one strength": ([2.0] * 5, [1e-3] * 5, {}, "do not determine the beam.*both sides"),
    "two strengths": ([2.0, 2.0, 3.0, 3.0], [1e-3] * 4, {}, "they determine 2"),
    "NaN": ([1, 2, 3, 4], [1e-3, np.nan, 1e-3, 1e-3], {}, r"size 1 \(at strength 2\)"),
    "negative": ([1, 2, 3, 4], [1e-3, 1e-3, 1e-3, -1e-3], {}, "size 3"),
    "error": ([1, 2, 3, 4], [1e-3] * 4, {"errors": 0.0}, "error 0"),
    "NaN strength": ([1, 2, np.nan, 4], [1e-3] * 4, {}, "strength 2 is nan"),
    "sizes in mm": (
        [1, 2, 3, 4],
        [0.4, 0.6, 0.8, 0.9],
        {},
        r"size 3 .* 0.9 m, which looks like mil",
    ),
    "errors in mm": ([1, 2, 3, 4], [1e-3] * 4, {"errors": 0.6}, "error 0 .* looks like milli"),
    "errors of some": ([1, 2, 3, 4], [1e-3] * 4, {"errors": [1, 2]}, r"errors must .* got \(2,\)"),
    "errors in words": ([1, 2, 3, 4], [1e-3] * 4, {"errors": "a"}, "errors must be an array of"),
    "sizes in words": ([1, 2, 3, 4], ["a"] * 4, {}, "sizes must be an array of numbers"),
    "no strengths": (None, [1e-3] * 4, {}, "strengths must be an array of numbers"),
    "no beam": ([-4, 0, 4, 8, 12], [2e-4, 4e-4, 5e-4, 4e-4, 2e-4], {}, "no beam fits"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_scans(name):
    strengths, measured, options, message = BAD[name]
    with pytest.raises(pj.errors.MeasurementError, match=message):
        pj.optics.quadrupole_scan(
            LATTICE, ELECTRON, "q1.k1", strengths, measured, screen="s", **options
        )


def test_bad_places():
    k, measured = STRENGTHS["x"], sizes("x")
    call = pj.optics.quadrupole_scan
    with pytest.raises(pj.errors.UnknownNameError, match="knob"):
        call(LATTICE, ELECTRON, "q1.k7", k, measured, screen="s")
    with pytest.raises(pj.errors.UnknownNameError, match="screen"):
        call(LATTICE, ELECTRON, "q1.k1", k, measured, screen="s9")
    with pytest.raises(pj.errors.UnknownNameError, match="plane"):
        call(LATTICE, ELECTRON, "q1.k1", k, measured, screen="s", plane="z")
    with pytest.raises(pj.errors.InvalidValueError, match="'q1' is not downstream of 'q2'"):
        call(LATTICE, ELECTRON, "q2.k1", k, measured, screen="q1")
    with pytest.raises(pj.errors.InvalidValueError, match="resolution"):
        call(LATTICE, ELECTRON, "q1.k1", k, measured, screen="s", resolution=-1.0)
    with pytest.raises(pj.errors.InvalidValueError, match=r"resolution must be .* got 'a'"):
        call(LATTICE, ELECTRON, "q1.k1", k, measured, screen="s", resolution="a")
    skew = LATTICE.with_values({"q2.tilt": 0.1})
    with pytest.raises(pj.errors.InvalidValueError, match="coupled"):
        call(skew, ELECTRON, "q1.k1", k, measured, screen="s")

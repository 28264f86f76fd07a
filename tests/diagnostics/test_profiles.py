"""Measured profiles: settings by address, and what is refused and how it is said."""

import numpy as np
import pytest
from profile_cases import AXIS, PROFILES, gaussian

import pyjutrack as pj
from pyjutrack import diagnostics as dg


def test_settings_are_read_by_address():
    assert len(PROFILES) == 2
    assert PROFILES.knob("q1.k1").tolist() == [1, 2]
    with pytest.raises(pj.errors.UnknownNameError, match=r"did you mean 'q1\.k1'"):
        PROFILES.knob("q1.k2")


def _with_nan():
    values = np.stack([gaussian(1e-3)] * 3)
    values[2, 7] = np.nan
    return dg.Profiles(values, (AXIS,))


ONE = gaussian(1e-3)[None]
BAD = {
    "NaN": (_with_nan, r"profile 2 is nan at pixel 7 \(x = -0\.00425 m\)"),
    "infinite": (
        lambda: dg.Profiles(np.where(np.arange(100) == 3, np.inf, ONE), (AXIS,)),
        "profile 0 is inf at pixel 3.*mask",
    ),
    "image": (
        lambda: dg.Profiles(np.full((1, 100, 100), np.nan), (AXIS, AXIS), ("x", "y")),
        r"profile 0 is nan at pixel \(0, 0\)",
    ),
    "descending": (lambda: dg.Profiles(ONE, (AXIS[::-1],)), "not ascending.*pixel 1.*flip"),
    "repeated": (
        lambda: dg.Profiles(ONE, (np.where(np.arange(100) == 9, AXIS[8], AXIS),)),
        "not ascending: .* pixel 9",
    ),
    "uneven": (
        lambda: dg.Profiles(ONE, (np.where(np.arange(100) == 9, AXIS + 3e-5, AXIS),)),
        "not uniform: the step after pixel 8",
    ),
    "NaN in the axis": (
        lambda: dg.Profiles(ONE, (np.where(np.arange(100) == 9, np.nan, AXIS),)),
        "pixel 9 is at nan",
    ),
    "millimetres": (lambda: dg.Profiles(ONE, (AXIS * 1e3,)), "4.95 m, which looks like milli"),
    "length": (lambda: dg.Profiles(ONE, (AXIS[:50],)), r"shape \(profiles, 50\).*\(1, 100\)"),
    "no row": (lambda: dg.Profiles(ONE[0], (AXIS,)), r"got \(100,\)"),
    "axes": (lambda: dg.Profiles(ONE, (AXIS, AXIS)), "as the axes have"),
    "labels": (lambda: dg.Profiles(ONE, (AXIS,), ("x", "y")), "labels"),
    "mask": (lambda: dg.Profiles(ONE, (AXIS,), mask=np.ones(100, bool)), "mask must have"),
    "all masked": (lambda: dg.Profiles(ONE, (AXIS,), mask=np.zeros((1, 100))), "masked as a whole"),
    "labels that are none": (lambda: dg.Profiles(ONE, (AXIS,), (1,)), "labels must be names"),
    "no labels": (lambda: dg.Profiles(ONE, (AXIS,), None), "labels must be a name"),
    "no axes": (lambda: dg.Profiles(ONE, None), "axes must be an array for each, got None"),
    "a number for axes": (lambda: dg.Profiles(ONE, 3e-3), "axes must be an array for each"),
    "text for axes": (lambda: dg.Profiles(ONE, "x"), "axes must be an array of numbers"),
    "no values": (lambda: dg.Profiles(None, (AXIS,)), "values must be an array of numbers"),
    "one value": (lambda: dg.Profiles(3.0, (AXIS,)), r"values must have shape .* got \(\)"),
    "complex": (lambda: dg.Profiles(ONE * 1j, (AXIS,)), "values must be an array of numbers"),
    "digits": (lambda: dg.Profiles([["1"] * 100], (AXIS,)), "values must be an array of numbers"),
    "ragged mask": (lambda: dg.Profiles(ONE, (AXIS,), mask=[[1], [1, 2]]), "mask must be"),
    "one dict": (
        lambda: dg.Profiles(ONE, (AXIS,), settings={"q.k1": 1.0}),
        r"settings must be a dict for each profile, .* got \{'q\.k1': 1\.0\}",
    ),
    "no dicts": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=(3.9,)),
        r"profile 0: settings must be a dict of numbers by address.* got 3\.9",
    ),
    "keys": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=({1: 2.0},)),
        "profile 0: settings must be a dict of numbers by address",
    ),
    "no settings": (lambda: dg.Profiles(ONE, (AXIS,), settings=None), "settings must be a dict"),
    "a setting in words": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=({"q.k1": "on"},)),
        r"setting of 'q\.k1' must be a finite number, got 'on'",
    ),
    "text": (lambda: dg.Profiles([["a"] * 100], (AXIS,)), "array of numbers"),
    "missing setting": (
        lambda: dg.Profiles([ONE[0]] * 2, (AXIS,), settings=({"q.k1": 1.0}, {})),
        r"profile 1 has no setting of 'q\.k1'",
    ),
    "too few settings": (
        lambda: dg.Profiles([ONE[0]] * 2, (AXIS,), settings=({"q.k1": 1.0},)),
        "2 profiles and 1 settings",
    ),
    "NaN setting": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=({"q.k1": float("nan")},)),
        r"setting of 'q\.k1' must be a finite number, got nan",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_profiles(name):
    make, message = BAD[name]
    with pytest.raises(pj.errors.MeasurementError, match=message):
        make()


@pytest.mark.parametrize("labels", ["", " ", (3,), (None,)])
def test_a_label_is_a_name(labels):
    with pytest.raises(pj.errors.MeasurementError, match="labels must be names of axes"):
        PROFILES.replace(labels=labels)

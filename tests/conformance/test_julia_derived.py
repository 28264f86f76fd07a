"""Kinds that a user derives: what they do otherwise is not passed over."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from driven_rings import electrons

import pyjutrack as pj
from pyjutrack.collective import Radiation, SpaceCharge, SpectralPoisson
from pyjutrack.mesh.shapes import shape

BEAM = pj.Beam(electrons(), torch.full((3, 6), 1e-4, dtype=torch.float64), current=1.0)
BEND = pj.SBend(1.0, angle=0.2, model="exact", name="b")


class OwnDrift(pj.Drift):
    def transport(self, state, reference, part):
        raise AssertionError("of the native engine")


class OwnFaces(pj.RBend):
    @property
    def face_angles(self):
        return 0.1, 0.2


class Named(pj.Quadrupole):
    """Of another name alone."""

    colour = "red"

    def describe(self):
        return self.colour


class Some(Radiation):
    def slices(self, element):
        return super().slices(element) * (element.name == "b")


class Halved(SpaceCharge):
    def strength(self, beam, fractions):
        return super().strength(beam, fractions) / 2


TENTS = replace(shape("bspline"), coefficients=shape("cic").coefficients)


@dataclass(frozen=True)
class Other(SpectralPoisson):
    def solve(self, fractions):
        return 2 * super().solve(fractions)


@pytest.mark.parametrize("element", [OwnDrift(1.0, name="e7"), OwnFaces(1.0, angle=0.1, name="e7")])
def test_elements_that_move_particles_otherwise_are_refused(julia, element):
    message = f"'e7'.*no element that moves particles as {type(element).__name__}"
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        pj.track(pj.Lattice([element]), BEAM, engine=julia)


def test_elements_that_do_the_same_are_tracked(julia):
    ends = [
        pj.track(pj.Lattice([kind(0.3, k1=2.0)]), BEAM, engine=julia).coordinates
        for kind in (Named, pj.Quadrupole)
    ]
    assert torch.equal(*ends)


@pytest.mark.parametrize(
    ("effect", "kind"),
    [(Some(), "Some"), (Halved(), "Halved"), (SpaceCharge(Other()), "Other")],
    ids=["radiation", "space charge", "solver"],
)
def test_effects_that_do_otherwise_are_refused(julia, effect, kind):
    with pytest.raises(pj.errors.InvalidValueError, match=f"has no .*{kind}.*derived from them"):
        pj.track(pj.Lattice([BEND, replace(BEND, name="c")]), BEAM, effects=[effect], engine=julia)


def test_a_shape_function_of_the_name_of_another_is_refused(julia):
    effect = SpaceCharge(SpectralPoisson(assignment=TENTS))
    with pytest.raises(pj.errors.InvalidValueError, match="does not know the shape function"):
        pj.track(pj.Lattice([BEND]), BEAM, effects=[effect], engine=julia)
